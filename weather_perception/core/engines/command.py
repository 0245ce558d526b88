"""`build_engine`: builds a model file's engine for this machine ahead of time, so that the node finds it ready.

Core cannot read recordings: `weather_perception.build_engine` passes a reader to `main`.
"""

import argparse
import contextlib
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from weather_perception.core.contract import ContractError, Image
from weather_perception.core.engines.base import ENGINES, PRECISIONS, EngineError, Target
from weather_perception.core.engines.build import ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.select import backend_named, backends_for, open_reference
from weather_perception.core.engines.subprocesses import end_with_starter

# The period of the lines that say that a build goes on.
_TICK_SECONDS = 10.0

CALIBRATION_FRAMES = 64

ReadFrames = Callable[[Path, str | None, int], Sequence[Image]]
"""Reads frames, uint8 RGB [H, W, 3], spread over a recording: its path, a topic or None, the most frames to read."""


def main(arguments: Sequence[str] | None = None, read_frames: ReadFrames | None = None) -> int:
    """Run the command; returns the exit status. It can calibrate int8 only with `read_frames`."""
    options = parser(read_frames is not None).parse_args(arguments)
    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, _end)
    end_with_starter()
    try:
        recorded = _recorded(options, read_frames)
        opened = open_reference(options.model, options.device, options.threads, options.model_sha256)
        for height, width in options.size:
            target = Target(height, width, options.batch, options.precision, opened.device)
            backend = backends_for(target, _say)[0] if options.engine == "auto" else backend_named(options.engine)
            frames = _of_size(recorded, height, width) if recorded else None
            _say(f"frames of {width} columns and {height} rows")
            with _progress(backend.name):
                ready_entry(opened, target, backend, EngineCache(), _say, frames)
    except (OSError, ValueError, ContractError, EngineError) as error:
        print(f"build_engine: {error}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, frame: object) -> None:
    """End on a signal as on an error, so that a build removes its files."""
    sys.exit(128 + number)


def _recorded(options: argparse.Namespace, read_frames: ReadFrames | None) -> Sequence[Image]:
    """The frames to calibrate on; empty without `--calibrate`."""
    if read_frames is None or options.calibrate is None:
        return ()
    if options.precision != "int8":
        raise EngineError(f"--calibrate: only int8 is calibrated, not {options.precision}; add `--precision int8`")
    if frames := read_frames(options.calibrate, options.topic, CALIBRATION_FRAMES):
        return frames
    raise EngineError(f"--calibrate: {options.calibrate} has no readable frame")


def _of_size(frames: Sequence[Image], height: int, width: int) -> Image:
    """The frames of one size, [N, H, W, 3]."""
    found = [frame for frame in frames if frame.shape[:2] == (height, width)]
    if not found:
        sizes = ", ".join(sorted({"x".join(map(str, frame.shape[:2])) for frame in frames}))
        raise EngineError(f"--calibrate: the recording's frames are {sizes}, not {height}x{width} as in --size")
    return np.stack(found)


def parser(can_calibrate: bool = False) -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser("build_engine", description=__doc__.partition("\n")[0])
    made.add_argument("--model", default="", help="model file; default: the one that comes with the package")
    made.add_argument(
        "--model-sha256", default="", metavar="HASH", help="refuse a model file of another SHA-256; default: any"
    )
    names = [name for name in ENGINES if name != "torch"]  # the file itself needs no building
    made.add_argument("--engine", default="auto", choices=names, help="default: the fastest that this machine has")
    made.add_argument(
        "--size",
        type=_size,
        nargs="+",
        required=True,
        metavar="HEIGHTxWIDTH",
        help="frame sizes, as in 720x1280. WIDTHxHEIGHT is the same: the larger number is the width. A frame that is "
        "higher than wide needs letters, as in 720wx1280h",
    )
    made.add_argument(
        "--batch", type=_batch, default=1, metavar="1..N", help="frames in one batch, on a GPU; default: 1"
    )
    made.add_argument("--precision", default="fp32", choices=PRECISIONS, help="default: %(default)s")
    made.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ..., as the node's parameter")
    made.add_argument("--threads", type=int, default=0, help="CPU threads for the comparison; default: all cores")
    if can_calibrate:
        made.add_argument(
            "--calibrate",
            type=Path,
            metavar="BAG",
            help="for int8: a bag, a video or a folder of pictures from the node's camera",
        )
        made.add_argument("--topic", help="the bag's image topic; needed if it has several")
    return made


def _size(text: str) -> tuple[int, int]:
    """Height and width; without letters the larger number is the width, as with nearly every camera."""
    found = re.fullmatch(r"([1-9]\d*)([wh]?)x([1-9]\d*)([wh]?)", text)
    if not found or {found[2], found[4]} not in ({""}, {"w", "h"}):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither HEIGHTxWIDTH nor WIDTHxHEIGHT, as in 720x1280 or, for a frame that is higher than "
            "wide, 720wx1280h"
        )
    one, other = int(found[1]), int(found[3])
    if not found[2]:
        return min(one, other), max(one, other)
    return (other, one) if found[2] == "w" else (one, other)


def _batch(text: str) -> int:
    found = re.fullmatch(r"(?:1\.\.)?([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 1..N nor N")
    return int(found[1])


def _say(line: str) -> None:
    print(line, flush=True)


@contextlib.contextmanager
def _progress(name: str) -> Iterator[None]:
    """Report at intervals how long the build has taken."""
    done, start = threading.Event(), time.monotonic()

    def tick() -> None:
        while not done.wait(_TICK_SECONDS):
            _say(f"{name}: building since {time.monotonic() - start:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


if __name__ == "__main__":
    sys.exit(main())
