"""`python -m training.degrade SOURCE OUT --degradation NAME`: write a degraded copy of a data set.

Degrades every picture of the tree SOURCE and writes it as PNG under the same path in OUT; copies labels, depth and
other files unchanged. The copy of a labelled data set is one of pairs: training.train paper_a --pairs OUT. The same
picture name and seed always give the same pixels, also in a subset. An interrupted run continues if you repeat the
command. docs/degradations.md describes the degradations.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.data.degradations import DEGRADATIONS, LEVELS
from training.data.degradations.protocols import ADDITIVE, NOISES, PROTOCOLS, TEXT
from training.data.degraded_copy import KEPT_FOLDERS, CopySettings, is_other_weather, write_copy
from training.data.readers.celebamask import CelebAMaskHQ
from training.data.readers.pixels import image_size

DEFAULT_SEVERITY = 0.6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 if any picture was unreadable, else 0."""
    command_line = parser()
    options = command_line.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "training.degrade", *given])
    severities = options.severity or _default_severities(options.degradation)
    try:
        settings = CopySettings(
            options.degradation,
            tuple(severities),
            options.seed,
            options.depth,
            options.reflections,
            tuple(options.keep),
            tuple(options.size) if options.size else size_of_masks(options.source),
            options.protocol,
            options.noise,
        )
        for folder in sorted(path.name for path in options.source.glob("*") if is_other_weather(path.name)):
            print(f"left out: {folder}, the same frames in weather")
        outcome = write_copy(options.source, options.out, settings, command, options.force)
    except (ValueError, OSError) as error:
        command_line.error(str(error))
    print(f"{options.out}: {outcome.written} files written, {outcome.present} already present")
    if outcome.bad:
        print(f"{len(outcome.bad)} unreadable pictures left out:", *outcome.bad, sep="\n  ", file=sys.stderr)
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
        help=f"one or more; each picture draws one: {levels}, all others 0..1 "
        f"(default: every level, or {DEFAULT_SEVERITY})",
    )
    result.add_argument("--seed", type=int, default=0, help="default %(default)s")
    result.add_argument(
        "--depth", type=Path, metavar="DIR", help="depth maps at the pictures' paths, uint16 PNG of metres x 256"
    )
    result.add_argument("--reflections", type=Path, metavar="DIR", help="pictures to reflect in the window")
    result.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default=TEXT,
        help="noise, blur, JPEG and aberration as paper A's text says, or as its released scripts do "
        "(default: %(default)s)",
    )
    result.add_argument(
        "--noise", choices=NOISES, default=ADDITIVE, help="the released scripts' noise (default: %(default)s)"
    )
    result.add_argument(
        "--keep",
        nargs="+",
        default=KEPT_FOLDERS,
        metavar="NAME",
        help="folders to copy unchanged (default %(default)s)",
    )
    result.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("ROWS", "COLUMNS"),
        help="resize every picture first (default: CelebAMask-HQ's portraits to the size of their masks, no others)",
    )
    result.add_argument("--force", action="store_true", help="replace a copy with other settings")
    return result


def size_of_masks(source: Path) -> tuple[int, int] | None:
    """Rows and columns of CelebAMask-HQ's masks, at which its portraits are judged; None for any other set."""
    if not CelebAMaskHQ.splits(source):
        return None
    first = min(CelebAMaskHQ(source, strict=False).parts_of(0).values())
    return image_size(first)


def _default_severities(degradation: str) -> list[float]:
    """Every level of a degradation with levels, else DEFAULT_SEVERITY."""
    return (
        [float(level) for level in range(1, LEVELS[degradation] + 1)] if degradation in LEVELS else [DEFAULT_SEVERITY]
    )


if __name__ == "__main__":
    sys.exit(main())
