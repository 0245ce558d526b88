"""The command line of `replay_fleet`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weather_perception.replay.fleet.pattern import pattern
from weather_perception.replay.options import add_evaluation, not_negative, not_negative_int, positive_int

DESCRIPTION = """\
Evaluate many recordings as `replay` does each, several at a time, on this machine or on a Ray cluster, and merge the
results by vehicle, weather and route.

RECORDINGS is a folder (every bag, video and folder of pictures below it), a text file with a path a line, or a CSV
manifest with the columns bag, vehicle and route. DIR gets fleet.html, fleet.json, and a folder with the results of
each recording. The same command goes on with what is missing."""

EXAMPLES = """\
examples:
  replay_fleet /data/week12 --out out/week12 --jobs 4
  replay_fleet drives.csv --out out/drives
  replay_fleet /data/week12 --out /shared/week12 --pattern '{vehicle}/{route}/*' --ray auto --cpus 2
  replay_fleet /data/week12 --out out/week12 --merge-only"""

OF_REPLAY_ALONE: dict[str, Any] = {
    "compare": None,
    "live": False,
    "rate": None,
    "max_in_flight": None,
    "node": None,
    "timeout": None,
    "junit": None,
}
"""Options of `replay` that a fleet does not offer, at their defaults."""


def parser() -> argparse.ArgumentParser:
    """The parser: the fleet's own options, and those of `replay` that hold for every recording."""
    result = argparse.ArgumentParser(
        "replay_fleet", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("given", type=Path, metavar="RECORDINGS", help="a folder, a list, or a CSV manifest")
    result.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    result.add_argument("--force", action="store_true", help="evaluate again what is finished in DIR")
    result.add_argument(
        "--merge-only", action="store_true", help="evaluate nothing; merge what is finished in DIR into a new report"
    )
    _add_names(result.add_argument_group("vehicles and routes"))
    _add_workers(result.add_argument_group("workers"))
    add_evaluation(result)
    result.set_defaults(**OF_REPLAY_ALONE)
    return result


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program with an explanation if it is wrong."""
    made = parser()
    arguments = made.parse_args(argv)
    for name in ("cpus", "gpus"):
        if getattr(arguments, name) is not None and arguments.ray is None:
            made.error(f"--{name} works only with --ray")
    if arguments.jobs is not None and arguments.ray is not None:
        made.error("--jobs does not work with --ray, which runs as many tasks as the cluster has room for (--cpus)")
    if arguments.merge_only and arguments.force:
        made.error("--merge-only evaluates nothing, so --force has no meaning with it")
    return arguments


def _add_names(group: argparse._ArgumentGroup) -> None:
    choice = group.add_mutually_exclusive_group()
    choice.add_argument(
        "--manifest",
        type=Path,
        metavar="CSV",
        help="names vehicle and route of the recordings: columns bag (a path below RECORDINGS), vehicle, route",
    )
    choice.add_argument(
        "--pattern",
        type=pattern,
        help="reads them from the paths below RECORDINGS, as in '{vehicle}/{route}/*'; * is any name, ** any path",
    )


def _add_workers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--jobs", type=positive_int, metavar="N", help="recordings at a time on this machine (default: one a core)"
    )
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on this Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local to start one here",
    )
    group.add_argument("--cpus", type=not_negative, metavar="N", help="with --ray: cores a recording (default: 1)")
    group.add_argument(
        "--gpus", type=not_negative, metavar="N", help="with --ray: GPUs a recording, such as 0.25 (default: 0)"
    )
    group.add_argument(
        "--retries",
        type=not_negative_int,
        default=2,
        metavar="N",
        help="further tries for a recording that failed, each on another worker if there is one (default: %(default)s)",
    )
