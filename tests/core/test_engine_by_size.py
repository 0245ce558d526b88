"""While an engine is being made ready the reference answers, and the change-over loses no frame."""

import gc
import threading
import weakref

import numpy as np
import pytest

from tests.support.engines import CopyEngine, unchanged
from weather_perception.core.contract import UNKNOWN_CLASS, Image, Outputs
from weather_perception.core.engines.base import Engine, EngineError
from weather_perception.core.engines.by_size import KEPT, STAYS, EngineBySize, Shape, in_parts
from weather_perception.core.engines.reference import PassThrough, TorchEngine
from weather_perception.core.engines.state import EngineStatus
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
    for _ in range(STAYS):
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
    assert (outputs.labels_BHW == UNKNOWN_CLASS).all(), "class 0 of the default model is the sky"
    for expected, found in zip(reference.infer(FRAME), outputs, strict=True):
        assert (expected.shape, expected.dtype) == (found.shape, found.dtype)
    go_on.set()
    while engine.name == "pass_through":
        engine.infer(FRAME)
    assert engine.name == "torch", "where there is no engine, the reference serves"


def test_an_engine_that_fails_at_once_serves_no_frame_and_ends_no_search(program: Program) -> None:
    """As one does for which the GPU has no memory left."""
    kept, status = threading.Semaphore(0), EngineStatus()

    class Failing(CopyEngine):
        def infer(self, image_BHW3: np.ndarray) -> object:
            raise RuntimeError("out of memory")

    class Sized(EngineBySize):
        def _keep(self, shape: Shape, engine: Engine | None) -> Engine | None:
            found = super()._keep(shape, engine)
            kept.release()
            return found

    def find(shape: Shape) -> Engine | None:
        if shape[1] == 48:
            return Failing(program, unchanged, "inductor")
        if shape[1] == 32:
            raise EngineError("engine: the file was replaced")
        return CopyEngine(program, unchanged, "openvino")

    engine = Sized(TorchEngine(program), find, in_background=True, status=status)
    for rows in (48, 32, 64):
        frame = np.full((1, rows, 64, 3), 100, np.uint8)
        for _ in range(STAYS):
            engine.infer(frame)
        assert kept.acquire(timeout=DEADLINE_SECONDS), "the search goes on after an error"
        engine.infer(frame)
        assert engine.name == ("openvino" if rows == 64 else "torch")
    told = "; ".join(map(str, status.state().problems))
    assert "inductor for 1x48x64 fails (RuntimeError: out of memory): torch answers" in told
    assert "the engine for 1x32x64 fails (EngineError: engine: the file was replaced)" in told
    engine.close()


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


def test_sizes_that_do_not_stay_start_no_thread_and_no_search(program: Program) -> None:
    reference, threads = TorchEngine(program), threading.active_count()
    engine = EngineBySize(reference, lambda shape: pytest.fail(f"asked for {shape}"), in_background=True)
    for width in range(1, 41):
        assert engine.infer(FRAME[:, :, :width]).labels_BHW.shape == (1, 48, width)
    assert threading.active_count() == threads


def test_of_many_sizes_in_turn_one_is_sought_at_a_time_and_few_wait(program: Program) -> None:
    go_on, asking, status = threading.Event(), threading.Event(), EngineStatus()
    asked: list[Shape] = []

    def find(shape: Shape) -> Engine | None:
        asked.append(shape)
        asking.set()
        assert go_on.wait(DEADLINE_SECONDS)
        return None

    threads = threading.active_count()
    engine = EngineBySize(TorchEngine(program), find, in_background=True, status=status)
    for width in range(1, 41):
        for _ in range(STAYS):
            engine.infer(FRAME[:, :, :width])
    assert asking.wait(DEADLINE_SECONDS)
    assert threading.active_count() == threads + 1
    assert status.state().waiting <= 4
    engine.close()
    go_on.set()
    assert len(asked) == 1


def test_the_last_few_engines_are_kept_and_the_sizes_in_use_keep_theirs(program: Program) -> None:
    status = EngineStatus()
    engine = EngineBySize(
        TorchEngine(program),
        lambda shape: CopyEngine(program, unchanged, "inductor"),
        in_background=True,
        status=status,
    )
    widths = range(1, KEPT + 1)
    for width in widths:
        while engine.infer(FRAME[:, :, :width]) and engine.name == "torch":
            for other in range(1, width):  # none becomes idle, however long this machine takes
                engine.infer(FRAME[:, :, :other])
    while f"more than {KEPT} sizes" not in str(status.state()):
        engine.infer(FRAME[:, :, : KEPT + 1])
        assert engine.name == "torch"
    for width in widths:
        engine.infer(FRAME[:, :, :width])
        assert engine.name == "inductor"
    while engine.infer(FRAME[:, :, : KEPT + 1]) and engine.name == "torch":  # once another size is idle
        pass
    assert engine.name == "inductor"
    assert "more than" not in str(status.state()), "the warning is over"


def test_a_closed_engine_lets_go_of_the_engines_that_it_found(program: Program) -> None:
    made: list[weakref.ref[CopyEngine]] = []

    def find(shape: Shape) -> Engine | None:
        found = CopyEngine(program, unchanged, "inductor")
        made.append(weakref.ref(found))
        return found

    engine = EngineBySize(TorchEngine(program), find)
    engine.infer(FRAME)
    assert made[0]() is not None
    engine.close()
    gc.collect()
    assert made[0]() is None


@pytest.mark.parametrize(("at_once", "shapes"), [(1, [(1, 48, 64)]), (6, [(1, 48, 64), (6, 48, 64)])])
def test_a_rig_of_cameras_needs_one_engine_for_a_frame_and_one_for_all(
    program: Program, at_once: int, shapes: list[Shape]
) -> None:
    """On a CPU the frames of a batch run one by one, so one engine serves any number."""
    asked: list[Shape] = []

    def find(shape: Shape) -> Engine | None:
        asked.append(shape)
        return None

    engine = EngineBySize(TorchEngine(program), find, batch=at_once)
    for count in (1, 2, 6, 4):
        assert engine.infer(np.repeat(FRAME, count, axis=0)).labels_BHW.shape == (count, 48, 64)
    assert asked == shapes
    assert engine.at_once == at_once


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
