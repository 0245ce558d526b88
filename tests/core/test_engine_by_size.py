"""While an engine is being made ready the reference answers, and the change-over loses no frame."""

import threading

import numpy as np
import pytest

from tests.support.engines import CopyEngine, unchanged
from weather_perception.core.contract import Image, Outputs
from weather_perception.core.engines.base import Engine
from weather_perception.core.engines.by_size import EngineBySize, Shape, in_parts
from weather_perception.core.engines.reference import PassThrough, TorchEngine
from weather_perception.core.program import Program

DEADLINE_SECONDS = 60
FRAME = np.full((1, 48, 64, 3), 100, np.uint8)


def test_the_reference_answers_until_the_engine_is_ready_and_the_engine_from_then_on(program: Program) -> None:
    go_on, ready = threading.Event(), threading.Event()
    asked: list[Shape] = []

    class Late(CopyEngine):
        def infer(self, image_BHW3: np.ndarray) -> object:
            outputs = super().infer(image_BHW3)
            ready.set()
            return outputs

    def find(shape: Shape) -> Engine | None:
        asked.append(shape)
        assert go_on.wait(DEADLINE_SECONDS)
        return Late(program, unchanged, "inductor")

    engine = EngineBySize(TorchEngine(program), find, in_background=True)
    for _ in range(3):
        assert (engine.infer(FRAME).restored_BHW3 == 110).all()
        assert engine.name == "torch"
    go_on.set()
    assert ready.wait(DEADLINE_SECONDS), "the engine ran once before any frame was given to it"
    while engine.name == "torch":
        assert (engine.infer(FRAME).restored_BHW3 == 110).all()
    assert engine.name == "inductor"
    assert asked == [(1, 48, 64)]


def test_frames_can_be_handed_on_unchanged_until_the_engine_is_ready(program: Program) -> None:
    go_on, reference = threading.Event(), TorchEngine(program)

    def find(shape: Shape) -> Engine | None:
        assert go_on.wait(DEADLINE_SECONDS)
        return None

    engine = EngineBySize(reference, find, in_background=True, meanwhile=PassThrough(reference))
    assert engine.name == "pass_through"
    outputs = engine.infer(FRAME)
    np.testing.assert_array_equal(outputs.restored_BHW3, FRAME)
    assert not outputs.confidence_BHW.any() and not outputs.weather_BK.any()
    for expected, found in zip(reference.infer(FRAME), outputs, strict=True):
        assert (expected.shape, expected.dtype) == (found.shape, found.dtype)
    go_on.set()
    while engine.name == "pass_through":
        engine.infer(FRAME)
    assert engine.name == "torch", "where there is no engine, the reference serves"


def test_each_size_is_asked_for_once_and_has_its_own_engine(program: Program) -> None:
    asked: list[Shape] = []

    def find(shape: Shape) -> Engine | None:
        asked.append(shape)
        return CopyEngine(program, unchanged, "inductor") if shape[1:] == (48, 64) else None

    engine = EngineBySize(TorchEngine(program), find)
    assert (engine.manifest, engine.model_hash) == (program.manifest, program.sha256)
    names = []
    for image in (FRAME, FRAME[:, :9], FRAME, FRAME[:, :9]):
        assert engine.infer(image).labels_BHW.shape == image.shape[:3]
        names.append(engine.name)
    assert names == ["inductor", "torch", "inductor", "torch"]
    assert asked == [(1, 48, 64), (1, 9, 64)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_every_frame_gets_its_own_answer_whatever_the_batch(count: int) -> None:
    def run(image_BHW3: Image) -> Outputs:
        assert image_BHW3.shape == (3, 4, 5, 3)
        means = image_BHW3.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]
        return Outputs(image_BHW3 + 1, image_BHW3[..., 0], image_BHW3[..., 1], means, means[:, :0])

    frames = np.random.default_rng(count).integers(0, 200, (count, 4, 5, 3), np.uint8)
    found = in_parts(run, frames, 3)
    np.testing.assert_array_equal(found.restored_BHW3, frames + 1)
    np.testing.assert_array_equal(found.labels_BHW, frames[..., 0])
    np.testing.assert_array_equal(found.weather_BK[:, 0], frames.mean(axis=(1, 2, 3), dtype=np.float32))
    assert found.gates_BG.shape == (count, 0)
