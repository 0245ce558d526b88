"""Keeps account of the frames that a camera gave: stamps, times, sizes, encodings, problems."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from weather_perception.replay.frames import Frame


@dataclass
class CameraLog:
    """Counts of the frames read, independent of any model; 24 bytes a frame."""

    stamps_ns: "array[int]" = field(default_factory=lambda: array("q"))
    plays_ns: "array[int]" = field(default_factory=lambda: array("q"))
    problems: dict[int, str] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # width, height
    encodings: Counter[str] = field(default_factory=Counter)

    def reading(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, counted as they pass."""
        for frame in frames:
            self._count(frame)
            yield frame

    @property
    def read(self) -> int:
        """The number of frames read."""
        return len(self.stamps_ns)

    def _count(self, frame: Frame) -> None:
        if frame.problem is not None:
            self.problems[self.read] = frame.problem.reason
        if frame.raw is not None:
            self.sizes[frame.raw.width, frame.raw.height] += 1
            self.encodings[frame.raw.encoding] += 1
        self.stamps_ns.append(frame.stamp_ns)
        self.plays_ns.append(frame.play_ns)
