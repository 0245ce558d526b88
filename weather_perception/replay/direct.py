"""Direct mode: runs every frame through the pipeline in this process, as fast as the machine can."""

import time
from collections.abc import Iterable

from weather_perception.core.pipeline import FrameError, Pipeline
from weather_perception.replay.frames import Frame
from weather_perception.replay.output_bag import OutputBag
from weather_perception.replay.recording import Answer, Recording


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
