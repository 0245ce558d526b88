"""Frames are answered alone or several in a call, and an answer that cannot be true is a failure."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.engines import CopyEngine, unchanged
from weather_perception.core.contract import Outputs
from weather_perception.core.engines.reference import PassThrough, TorchEngine
from weather_perception.core.pipeline import FrameError, OutputError, Perception, Pipeline
from weather_perception.core.program import Program

FRAMES = [np.full((48, 64, 3), level, np.uint8) for level in (10, 100, 200)]


def test_several_frames_in_one_call_get_the_answers_that_each_gets_alone(program: Program) -> None:
    pipeline = Pipeline(TorchEngine(program))
    for frame, found in zip(FRAMES, pipeline.process_batch(FRAMES), strict=True):
        alone = pipeline.process(frame)
        assert isinstance(found, Perception)
        np.testing.assert_array_equal(found.restored_HW3, alone.restored_HW3)
        assert (found.weather, found.gates) == (pytest.approx(alone.weather), pytest.approx(alone.gates))


def test_frames_of_several_sizes_are_no_batch(program: Program) -> None:
    with pytest.raises(ValueError, match="same shape"):
        Pipeline(TorchEngine(program)).process_batch([FRAMES[0], FRAMES[1][:9]])


def spoil(name: str, frame: int, value: float) -> Callable[[Outputs], Outputs]:
    def change(outputs: Outputs) -> Outputs:
        spoilt = getattr(outputs, name).copy()
        spoilt[frame, 0] = value
        return outputs._replace(**{name: spoilt})

    return change


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["weather_BK", "gates_BG"])
def test_an_answer_that_is_not_finite_is_a_failure_of_its_frame_alone(
    program: Program, name: str, value: float
) -> None:
    pipeline = Pipeline(CopyEngine(program, spoil(name, 1, value), "inductor"))
    first, second, third = pipeline.process_batch(FRAMES)
    assert isinstance(first, Perception) and isinstance(third, Perception)
    assert isinstance(second, OutputError)
    assert str(second) == f"{name[:7].rstrip('_B')} is not finite: engine inductor, model tiny"
    with pytest.raises(OutputError, match="is not finite"):
        Pipeline(CopyEngine(program, spoil(name, 0, value), "inductor")).process(FRAMES[0])


def test_an_answer_of_another_shape_is_a_failure(program: Program) -> None:
    cut = CopyEngine(program, lambda outputs: outputs._replace(labels_BHW=outputs.labels_BHW[:, 1:]), "inductor")
    with pytest.raises(OutputError, match=r"labels is \[1, 47, 64\], not \[1, 48, 64\]: engine inductor"):
        Pipeline(cut).process(FRAMES[0])


@pytest.mark.parametrize(("height", "width", "name"), [(9000, 8, "height"), (8, 8193, "width")])
def test_a_frame_beyond_the_models_own_bounds_is_refused_by_name_before_anything_runs(
    program: Program, height: int, width: int, name: str
) -> None:
    """The model takes up to 8192; the pixels are not needed to say so."""
    pipeline = Pipeline(CopyEngine(program, lambda outputs: pytest.fail("it ran"), "inductor"))
    with pytest.raises(FrameError, match=rf"{width}x{height}: the model tiny takes a {name} of 1\.\.8192") as refused:
        pipeline.check_size(height, width)
    assert refused.value.reason == "outside_model"
    with pytest.raises(FrameError, match="8192"):
        pipeline.process(np.broadcast_to(np.uint8(0), (height, width, 3)))
    Pipeline(TorchEngine(program)).check_size(8192, 1)


def test_nothing_is_said_of_the_weather_without_evidence(program: Program) -> None:
    reference = TorchEngine(program)
    assert Pipeline(PassThrough(reference)).process(FRAMES[0]).dominant_weather == "unknown"
    assert Pipeline(CopyEngine(program, unchanged, "inductor")).process(FRAMES[2]).dominant_weather == "fog"
