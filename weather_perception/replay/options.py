"""The command line of `replay`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import ReplayError, Source
from weather_perception.replay.limits import HELP, limit

DESCRIPTION = """\
Run recorded frames through the model (or through the live node) and judge the answers.

Reads rosbag2 folders (MCAP, sqlite3), .mcap, .db3 and ROS 1 .bag files, videos, and folders of pictures. Writes
output_bag/ (rosbag2 MCAP of the restored images, masks, confidences and weather), metrics.json, and report.html, which
opens in any browser, into DIR. If the bag has /ground_truth/image, /ground_truth/labels or /ground_truth/weather,
replay scores the answers against them."""

EXAMPLES = """\
examples:
  replay drive.mcap --out out/drive
  replay drive_folder --topic /front/image_raw --out out/front --limit 300
  replay drive_folder --out out/live --live --rate 0.5
  replay camvid/val --out out/camvid          (images/ with labels/ beside it)
  replay dashcam.mp4 --out out/dashcam --model models/mine.pt2"""


DEFAULTS = {"fps": 10.0, "rate": 1.0, "max_in_flight": 0}
"""Defaults filled in by `check_inputs`: until then, None shows that an option was not given."""
LIVE_ONLY = ("rate", "max_in_flight", "node", "timeout")
DIRECT_ONLY = ("compare", "resume")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program with an explanation if it is wrong. See `check_inputs` too."""
    made = parser()
    arguments = made.parse_args(argv)
    for name in DIRECT_ONLY if arguments.live else LIVE_ONLY:
        given = getattr(arguments, name)
        if given is not None and given is not False:  # 0 is given
            only = "does not work with" if arguments.live else "works only with"
            made.error(f"{_option(name)} {only} --live")
    return arguments


def check_inputs(arguments: argparse.Namespace, sources: Sequence[Source]) -> None:
    """Raise ReplayError for an option that applies to none of the recordings; then fill in the defaults."""
    kinds = {source.kind for source in sources}
    labels = any(source.has_labels for source in sources)
    needs = {
        "topic": ("bag" in kinds, "a bag"),
        "fps": ("pictures" in kinds, "a folder of pictures"),
        "labels": ("pictures" in kinds, "a folder of pictures"),
        "label_names": (labels, "a recording with ground-truth labels"),
        "baseline": (labels or arguments.baseline == "none", "a recording with ground-truth labels"),
    }
    for name, (there, what) in needs.items():
        if getattr(arguments, name) and not there:
            raise ReplayError(f"{_option(name)} applies to {what}, and none is given; leave it out", ExitCode.USAGE)
    for name, value in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def parser() -> argparse.ArgumentParser:
    """The parser, with help for every option."""
    result = argparse.ArgumentParser(
        "replay", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "recordings",
        type=Path,
        nargs="+",
        metavar="BAG",
        help="bags, videos, or folders of pictures: one report for all",
    )
    result.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    result.add_argument("--force", action="store_true", help="overwrite the results of an earlier run in DIR")
    result.add_argument(
        "--resume", action="store_true", help="go on with a run in DIR that ended early, by the same command line"
    )
    add_evaluation(result)
    _add_compared(result.add_argument_group("several models"))
    _add_live(result.add_argument_group("live mode"))
    result.add_argument("--junit", type=Path, metavar="FILE", help="write the limits, held or not, as a JUnit file")
    return result


def add_evaluation(parser: argparse.ArgumentParser) -> None:
    """Add the options of every evaluation, of one recording or of many: what is read, by which model, how judged."""
    parser.add_argument(
        "--limit", type=positive_int, metavar="FRAMES", help="stop after this many frames of each camera"
    )
    parser.add_argument(
        "--keep-original", action="store_true", help="write the frames themselves to the output bag too, as recorded"
    )
    _add_input(parser.add_argument_group("input"))
    _add_model(parser.add_argument_group("model"))
    _add_judgement(parser.add_argument_group("judgement"))


def _add_input(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--topic",
        metavar="T",
        action="append",
        default=[],
        help="an image topic of a bag; may be given several times. Default: every camera that is found",
    )
    group.add_argument(
        "--start",
        type=not_negative,
        default=0.0,
        metavar="S",
        help="seconds after the recording's start to begin at (default: 0)",
    )
    group.add_argument("--duration", type=_positive, metavar="S", help="seconds to replay; default: to the end")
    group.add_argument(
        "--stride", type=positive_int, default=1, metavar="N", help="replay every N-th frame (default: every frame)"
    )
    group.add_argument(
        "--fps", type=_positive, help=f"frame rate of a folder of pictures (default: {DEFAULTS['fps']:g})"
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="DIR",
        help="class id pictures (PNG) named like the frames; default: labels/ beside images/",
    )
    group.add_argument(
        "--label-names",
        type=_names,
        metavar="A,B,...",
        help="names of the ids in the labels, from 0 on; ids without a name are void. Default: CamVid's 11 for folders",
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", default="", metavar="M", help="model file (.pt2); default: the installed one")
    group.add_argument(
        "--baseline",
        metavar="M2",
        help="a second model file; its masks are the base. none: no baseline. "
        "Default: base.pt2 beside the model, if it exists",
    )
    group.add_argument("--engine", default="auto", help="the engine, as the node's parameter (default: %(default)s)")
    group.add_argument(
        "--device", default="auto", help="the device: auto, cpu, cuda, cuda:1, ... (default: %(default)s)"
    )


def _add_compared(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--compare",
        nargs="+",
        metavar="M@E",
        help="more models or engines, run on the same frames: MODEL, MODEL@ENGINE, @ENGINE or @ENGINE:PRECISION",
    )


def _add_live(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--live", action="store_true", help="play the frames over DDS into restore_node in its own process"
    )
    group.add_argument(
        "--rate", type=_positive, metavar="X", help=f"times the recorded speed (default: {DEFAULTS['rate']:g})"
    )
    group.add_argument(
        "--max-in-flight",
        type=not_negative_int,
        metavar="N",
        help="wait while N frames are unanswered, so that a slow machine slows the replay instead of losing frames; "
        "0 (default): never wait, like a camera",
    )
    group.add_argument(
        "--node", metavar="NAME", help="play into this running node (as /restore_node) instead of starting one"
    )
    group.add_argument(
        "--timeout",
        type=_positive,
        metavar="S",
        help="seconds to wait for the node and for an answer (default: 30; 120 for a node that replay starts)",
    )


def _add_judgement(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--detector",
        metavar="MODULE:FACTORY",
        help="run a model of your own on original and restored frames, and report its change; FACTORY returns a "
        "function from a frame to class ids or boxes, as weather_perception.replay.detectors:base_segmenter does",
    )
    group.add_argument("--fail-under", nargs="+", type=limit, default=[], metavar="FIGURE=LIMIT", help=HELP)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def positive_int(text: str) -> int:
    """A whole number above 0, for argparse."""
    return int(_positive(str(int(text))))


def not_negative(text: str) -> float:
    """A number of 0 or more, for argparse."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected 0 or more, found {text}")
    return value


def not_negative_int(text: str) -> int:
    """A whole number of 0 or more, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, found {text}")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
