"""The recording of a run over the frames, direct mode, which makes one in this process, and the folder of results."""

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from weather_perception.core.pipeline import FrameError, Pipeline
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.output_bag import OutputBag


@dataclass(frozen=True)
class Answer:
    """One answered frame: its stamp, seconds from frame to restored image, and how the model routed it."""

    stamp_ns: int
    latency_s: float
    weather: dict[str, float]
    gates: dict[str, float]

    @property
    def dominant_weather(self) -> str:
        """The most probable weather type."""
        return max(self.weather, key=self.weather.__getitem__)


@dataclass
class Recording:
    """Everything counted in one run. `answers` is keyed by stamp in nanoseconds, in the order of answering."""

    mode: str
    engine: str
    model_name: str
    model_sha256: str
    answers: dict[int, Answer] = field(default_factory=dict)
    sent: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    drop_examples: dict[str, str] = field(default_factory=dict)
    wall_s: float = 0.0
    played_s: float = 0.0

    def dropped(self, reason: str, message: str = "") -> None:
        """Count a frame that got no answer; the first message of each reason is kept for people."""
        self.drops[reason] += 1
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

    def latency_ms(self, percent: float) -> float | None:
        """A percentile of the answers' latency in milliseconds; None without answers."""
        latencies = [answer.latency_s for answer in self.answers.values()]
        return 1000 * float(np.percentile(latencies, percent)) if latencies else None


def run_direct(frames: Iterable[Frame], pipeline: Pipeline, bag: OutputBag) -> Recording:
    """Process every frame and write the answers; the latency of a frame is its inference."""
    engine = pipeline.engine
    recording = Recording("direct", engine.name, engine.manifest.name, engine.model_hash)
    start, first_ns = time.perf_counter(), None
    for frame in frames:
        first_ns = frame.play_ns if first_ns is None else first_ns
        recording.played_s = (frame.play_ns - first_ns) / 1e9
        recording.sent += 1
        try:
            _process(frame, pipeline, bag, recording)
        except FrameError as error:
            recording.dropped(error.reason, str(error))
    recording.wall_s = time.perf_counter() - start
    return recording


def _process(frame: Frame, pipeline: Pipeline, bag: OutputBag, recording: Recording) -> None:
    if frame.image_HW3 is None:
        raise frame.problem or FrameError("undecodable", "the frame has no image")
    if frame.stamp_ns in recording.answers:
        raise FrameError("repeated_stamp", f"a second frame is stamped {frame.stamp_ns} ns")
    perception = pipeline.process(frame.image_HW3)
    bag.write(frame, perception, pipeline.manifest.name)
    recording.answers[frame.stamp_ns] = Answer(
        frame.stamp_ns, perception.inference_seconds, perception.weather, perception.gates
    )


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
