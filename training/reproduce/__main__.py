"""`python -m training.reproduce PAPER`: run a paper's experiments and put our figures beside the published ones.

Trainings continue from their checkpoints: repeat the command if it was cut off. It writes PAPER.json, PAPER.md and the
plots to --results.
"""

import os

# As in training.train: OpenMP reads this when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from collections.abc import Sequence

from training.loop.checkpoint import CheckpointError
from training.reproduce.paper_a import PAPER_A
from training.reproduce.paper_b import PAPER_B
from training.reproduce.paper_c import PAPER_C

PAPERS = (PAPER_A, PAPER_B, PAPER_C)


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
    for paper in PAPERS:
        paper.add(papers)
    return result


if __name__ == "__main__":
    sys.exit(main())
