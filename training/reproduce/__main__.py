"""`python -m training.reproduce PAPER`: run a paper's experiments and put our figures beside the published ones.

Trainings go on where they were left, so a run that was cut off is started again by the same command. PAPER.json,
PAPER.md and the plots are written to --results.
"""

import os

# As in training.train: OpenMP reads this when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from collections.abc import Sequence

from training.loop.checkpoint import CheckpointError
from training.reproduce.paper_a import command as paper_a_command
from training.reproduce.paper_b import command as paper_b_command
from training.reproduce.paper_c import command as paper_c_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        options.reproduce(options)
    except (CheckpointError, FileNotFoundError, ValueError, FloatingPointError) as error:
        print(f"training.reproduce: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line; `reproduce` of what it parses runs the paper."""
    result = argparse.ArgumentParser(
        "python -m training.reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    papers = result.add_subparsers(dest="paper", required=True, metavar="PAPER")
    paper_a_command.add(papers)
    paper_b_command.add(papers)
    paper_c_command.add(papers)
    return result


if __name__ == "__main__":
    sys.exit(main())
