"""Direct mode: models answer frames in this process, as fast as the machine can."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from weather_perception.core.contract import Image
from weather_perception.core.engines.base import EngineError
from weather_perception.core.pipeline import INFERENCE_FAILED, FrameError, OutputError, Pipeline
from weather_perception.replay.answers import Answers
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.pace import Pace
from weather_perception.replay.progress import said_if_slow
from weather_perception.replay.recording import Recording


@dataclass(frozen=True)
class DirectRun:
    """A model that answers in this process: its pipeline, the place of its answers in the bag, what is counted."""

    pipeline: Pipeline
    node: str
    recording: Recording
    engines: dict[tuple[int, ...], str] = field(default_factory=dict)
    """The engine of each frame size that has come."""
    warmings_s: list[float] = field(default_factory=list)
    """How long it took to make the engine ready for each size, which is no part of its speed."""

    @classmethod
    def of(cls, pipeline: Pipeline, node: str) -> "DirectRun":
        """The run of a pipeline that has answered nothing yet."""
        engine = pipeline.engine
        return cls(pipeline, node, Recording("direct", engine.name, engine.manifest.name, engine.model_hash))

    def answer(self, place: int, frame: Frame, answers: Answers) -> None:
        """Process a frame and keep its answer, or count why there is none."""
        recording = self.recording
        recording.sent += 1
        try:
            if frame.image_HW3 is None:
                raise frame.problem or FrameError("undecodable", "the frame has no image")
            recording.engine = self._engine(frame.image_HW3)
            earlier = answers.taken_over(self.node, place, frame, recording.engine)
            if earlier is not None:
                recording.answers[place] = earlier
                recording.taken_over += 1
                return
            perception = self.pipeline.process(frame.image_HW3)
        except (FrameError, OutputError) as error:
            recording.dropped(error.reason, str(error), place)
            return
        except (ReplayError, EngineError):  # they say what to do
            raise
        except Exception as error:  # an engine raises anything; the node goes on, and so does its judge
            recording.dropped(INFERENCE_FAILED, f"{type(error).__name__}: {error}", place)
            return
        recording.engine = self.pipeline.engine.name
        recording.answers[place] = answers.keep(self.node, place, frame, perception, self.pipeline)

    def _engine(self, image_HW3: Image) -> str:
        """The engine of the frame's size; it runs once before its first frame, uncounted: it may have to be built."""
        if image_HW3.shape not in self.engines:
            height, width = image_HW3.shape[:2]
            began = time.perf_counter()
            with said_if_slow(f"getting {self.recording.model_name} ready for frames of {width}x{height} ..."):
                self.pipeline.process(image_HW3)
            self.warmings_s.append(time.perf_counter() - began)
            self.engines[image_HW3.shape] = self.pipeline.engine.name
        return self.engines[image_HW3.shape]


def run_direct(frames: Iterable[Frame], runs: Sequence[DirectRun], answers: Answers) -> None:
    """Have every model answer every frame; the latency of a frame is its inference.

    A model's own time is that of reading and of its own answers, without getting its engine ready.
    """
    start, pace = time.perf_counter(), Pace()
    all_s, own_s = [0.0] * len(runs), [0.0] * len(runs)  # with and without the warm-ups
    for place, frame in enumerate(frames):
        played_s = pace.to(frame.play_ns)
        for index, run in enumerate(runs):
            began = time.perf_counter()
            run.answer(place, frame, answers)
            all_s[index] += time.perf_counter() - began
            own_s[index] = all_s[index] - sum(run.warmings_s)
            run.recording.played_s = played_s
            run.recording.wall_s = time.perf_counter() - start - sum(all_s) + own_s[index]
