"""`python -m training.degrade SOURCE OUT --degradation NAME`: write a degraded copy of a data set.

Every picture of the tree SOURCE is degraded and written as PNG under the same path in OUT; labels, depth and other
files are copied. The same picture name and seed always give the same pixels, also in a subset. A run that was cut off
goes on where it ended. docs/degradations.md describes the degradations.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.data.degradations import DEGRADATIONS, LEVELS
from training.data.degraded_copy import KEPT_FOLDERS, CopySettings, write_copy

DEFAULT_SEVERITY = 0.6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 where pictures could not be read."""
    command_line = parser()
    options = command_line.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "training.degrade", *given])
    severities = options.severity or _default_severities(options.degradation)
    try:
        recipe = CopySettings(
            options.degradation,
            tuple(severities),
            options.seed,
            options.depth,
            options.reflections,
            tuple(options.keep),
        )
        outcome = write_copy(options.source, options.out, recipe, command, options.force)
    except (ValueError, OSError) as error:
        command_line.error(str(error))
    print(f"{options.out}: {outcome.written} files written, {outcome.present} there already")
    if outcome.bad:
        print(f"{len(outcome.bad)} pictures left out:", *outcome.bad, sep="\n  ", file=sys.stderr)
    return 1 if outcome.bad else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        "python -m training.degrade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("source", type=Path, metavar="SOURCE", help="folder of the data set")
    result.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    result.add_argument("--degradation", required=True, choices=DEGRADATIONS, help="see docs/degradations.md")
    levels = ", ".join(f"1..{most} for {name}" for name, most in LEVELS.items())
    result.add_argument(
        "--severity",
        type=float,
        nargs="+",
        help=f"one or more, of which each picture draws one: {levels}, else 0..1 "
        f"(default: every level, else {DEFAULT_SEVERITY})",
    )
    result.add_argument("--seed", type=int, default=0, help="default %(default)s")
    result.add_argument(
        "--depth", type=Path, metavar="DIR", help="depth maps under the pictures' paths, .png: uint16, metres x 256"
    )
    result.add_argument("--reflections", type=Path, metavar="DIR", help="pictures for the window to reflect")
    result.add_argument(
        "--keep",
        nargs="+",
        default=KEPT_FOLDERS,
        metavar="NAME",
        help="folders copied as they are (default %(default)s)",
    )
    result.add_argument("--force", action="store_true", help="replace a copy that was made otherwise")
    return result


def _default_severities(degradation: str) -> list[float]:
    """All the levels of a degradation that has levels."""
    return (
        [float(level) for level in range(1, LEVELS[degradation] + 1)] if degradation in LEVELS else [DEFAULT_SEVERITY]
    )


if __name__ == "__main__":
    sys.exit(main())
