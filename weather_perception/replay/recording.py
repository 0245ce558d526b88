"""The recording of a run over the frames, direct mode, which makes one in this process, and the folder of results."""

import shutil
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError, Pipeline
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.output_bag import OutputBag


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
        """The most probable weather type."""
        weather = self.weather
        return max(weather, key=weather.__getitem__)


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
        return len(self.answers) / self.wall_s if self.wall_s > 0 and self.answers else None

    @property
    def times_real_time(self) -> float | None:
        """Recorded time that was replayed a second; 1 keeps up with the camera."""
        return self.played_s / self.wall_s if self.wall_s > 0 and self.played_s > 0 else None

    @property
    def engine_frames_per_second(self) -> float | None:
        """Answered frames a second of inference alone; None in live mode, where a latency is more than that."""
        inference_s = sum(answer.latency_s for answer in self.answers.values())
        return len(self.answers) / inference_s if self.mode == "direct" and inference_s > 0 else None


@dataclass(frozen=True)
class DirectRun:
    """A model that answers in this process: its pipeline, the place of its answers in the bag, what is counted."""

    pipeline: Pipeline
    node: str
    recording: Recording
    sizes: set[tuple[int, ...]] = field(default_factory=set)
    """Frame sizes that the engine has run."""

    @classmethod
    def of(cls, pipeline: Pipeline, node: str) -> "DirectRun":
        """The run of a pipeline that has answered nothing yet."""
        engine = pipeline.engine
        return cls(pipeline, node, Recording("direct", engine.name, engine.manifest.name, engine.model_hash))

    def answer(self, place: int, frame: Frame, bag: OutputBag) -> None:
        """Process a frame and write its answer, or count why there is none."""
        self.recording.sent += 1
        try:
            if frame.image_HW3 is None:
                raise frame.problem or FrameError("undecodable", "the frame has no image")
            self._warm(frame.image_HW3)
            perception = self.pipeline.process(frame.image_HW3)
        except FrameError as error:
            self.recording.dropped(error.reason, str(error), place)
            return
        self.recording.engine = self.pipeline.engine.name
        bag.write(frame, perception, self.pipeline.manifest.name, self.node)
        self.recording.answers[place] = Answer(
            frame.stamp_ns, perception.inference_seconds, perception.weather, perception.gates
        )

    def _warm(self, image_HW3: Image) -> None:
        """Run an engine once before its first frame of a size, uncounted: it may have to be found, opened or built."""
        if image_HW3.shape not in self.sizes:
            self.pipeline.process(image_HW3)
            self.sizes.add(image_HW3.shape)


def run_direct(frames: Iterable[Frame], runs: Sequence[DirectRun], bag: OutputBag) -> None:
    """Have every model answer every frame; the latency of a frame is its inference.

    A model's own time is that of reading and of its own answers.
    """
    start, first_ns = time.perf_counter(), None
    own_s = [0.0] * len(runs)
    for place, frame in enumerate(frames):
        first_ns = frame.play_ns if first_ns is None else first_ns
        for index, run in enumerate(runs):
            began = time.perf_counter()
            run.answer(place, frame, bag)
            own_s[index] += time.perf_counter() - began
            run.recording.played_s = (frame.play_ns - first_ns) / 1e9
            run.recording.wall_s = time.perf_counter() - start - sum(own_s) + own_s[index]


BAG, METRICS, REPORT, NODE_LOG = "output_bag", "metrics.json", "report.html", "node.log"
# Moved in this order: if metrics.json is there, everything is.
_FINISHED = (NODE_LOG, BAG, REPORT, METRICS)


@contextmanager
def results_folder(out: Path, force: bool) -> Iterator[Path]:
    """A folder to write results in; leaving the block moves them into `out`, an exception leaves none.

    Raises ReplayError if `out` holds the results of an earlier run; with `force` it deletes them first.
    """
    earlier = [out / name for name in _FINISHED if (out / name).exists()]
    if earlier and not force:
        raise ReplayError(f"{earlier[0]} exists already: choose another --out, or overwrite with --force")
    for path in earlier:
        _delete(path)
    work = out / ".unfinished"
    _delete(work)
    work.mkdir(parents=True)
    try:
        yield work
        for name in _FINISHED:
            if (work / name).exists():
                (work / name).replace(out / name)
    finally:
        _delete(work)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
