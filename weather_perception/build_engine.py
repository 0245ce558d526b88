"""The command `build_engine`: core's, with a reader of recordings, so that it can calibrate int8."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weather_perception.core.contract import Image
from weather_perception.core.engines import command
from weather_perception.replay.sources import open_source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return command.main(arguments, recorded_frames)


def recorded_frames(path: Path, topic: str | None, count: int) -> list[Image]:
    """At most `count` frames, uint8 RGB [H, W, 3], evenly spread over a bag, video or folder, without the damaged ones.

    Raises ReplayError if the recording cannot be read.
    """
    source = open_source(path, topic)
    wanted = set(np.linspace(0, source.count - 1, count).round().astype(int).tolist())
    chosen = (frame.image_HW3 for index, frame in enumerate(source.frames()) if index in wanted)
    return [image_HW3 for image_HW3 in chosen if image_HW3 is not None]


if __name__ == "__main__":
    sys.exit(main())
