"""The recording of a run over the frames: every answer, and every drop by its reason."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from weather_perception.core.pipeline import dominant

BAG, METRICS, REPORT, NODE_LOG, JOURNAL = "output_bag", "metrics.json", "report.html", "node.log", "answers.jsonl"
"""The files of a run's results; the journal only of one that was interrupted."""


@lru_cache
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first tuple that was equal to `names`, so that a million answers hold one."""
    return names


class Answer:
    """One answered frame: its stamp, seconds from frame to restored image, and how the model routed it.

    A run over a long recording holds one for every frame, so it takes 300 bytes, not the 3,000 of dictionaries.
    """

    __slots__ = ("_gates", "_values", "_weathers", "latency_s", "stamp_ns")

    def __init__(
        self, stamp_ns: int, latency_s: float, weather: Mapping[str, float], gates: Mapping[str, float]
    ) -> None:
        self.stamp_ns = stamp_ns
        self.latency_s = latency_s
        self._weathers, self._gates = _shared(tuple(weather)), _shared(tuple(gates))
        self._values = array("f", [*weather.values(), *gates.values()])

    @property
    def weather(self) -> dict[str, float]:
        """The probability of each weather type."""
        return dict(zip(self._weathers, self._values, strict=False))

    @property
    def gates(self) -> dict[str, float]:
        """Every routing weight."""
        return dict(zip(self._gates, self._values[len(self._weathers) :], strict=True))

    @property
    def dominant_weather(self) -> str:
        """The most probable weather type, or `unknown`."""
        return dominant(self.weather)


@dataclass
class Recording:
    """Everything counted in one run of a model over a camera's frames.

    `answers` and `lost` (the reason of a known drop) are keyed by the frame's place among the frames read, from 0 on.
    """

    mode: str
    engine: str
    model_name: str
    model_sha256: str
    answers: dict[int, Answer] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    sent: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    drop_examples: dict[str, str] = field(default_factory=dict)
    taken_over: int = 0
    """Answers of an earlier run, which cost this one no time."""
    wall_s: float = 0.0
    played_s: float = 0.0

    def dropped(self, reason: str, message: str = "", place: int | None = None) -> None:
        """Count the frame at `place` as dropped; the first message of each reason is kept for people."""
        self.drops[reason] += 1
        if place is not None:
            self.lost[place] = reason
        if message:
            self.drop_examples.setdefault(reason, message)

    @property
    def frames_per_second(self) -> float | None:
        """Answered frames a second of the run's own time."""
        new = len(self.answers) - self.taken_over
        return new / self.wall_s if self.wall_s > 0 and new else None

    @property
    def times_real_time(self) -> float | None:
        """Recorded time that was replayed a second; 1 keeps up with the camera. None if that says nothing."""
        known = self.wall_s > 0 and self.played_s > 0 and not self.taken_over
        return self.played_s / self.wall_s if known else None

    @property
    def engine_frames_per_second(self) -> float | None:
        """Answered frames a second of inference alone; None in live mode, where a latency is more than that."""
        inference_s = sum(answer.latency_s for answer in self.answers.values())
        return len(self.answers) / inference_s if self.mode == "direct" and inference_s > 0 else None
