"""The command `build_engine`: core's, with a reader of recordings, so that it can calibrate int8."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weather_perception.core.contract import Image
from weather_perception.core.engines import command
from weather_perception.replay.frames import Source
from weather_perception.replay.sources import Wanted, open_sources


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return command.main(arguments, recorded_frames)


def recorded_frames(path: Path, topic: str | None, count: int) -> list[Image]:
    """At most `count` frames, uint8 RGB [H, W, 3], evenly spread over a recording's cameras, without the damaged ones.

    Raises ReplayError if the recording cannot be read. Prints what was missing from it.
    """
    sources, _ = open_sources([path], Wanted(topics=(topic,) if topic else ()))
    frames = [image_HW3 for source in sources for image_HW3 in _spread(source, max(count // len(sources), 1))]
    for note in dict.fromkeys(note for source in sources for note in source.notes):
        print(note, file=sys.stderr)
    return frames


def _spread(source: Source, count: int) -> list[Image]:
    wanted = set(np.linspace(0, source.count - 1, count).round().astype(int).tolist())
    chosen = (frame.image_HW3 for index, frame in enumerate(source.frames()) if index in wanted)
    return [image_HW3 for image_HW3 in chosen if image_HW3 is not None]


if __name__ == "__main__":
    sys.exit(main())
