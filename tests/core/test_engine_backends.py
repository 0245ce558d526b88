"""Every backend builds engines that do what the reference does, at the batch sizes they were built for."""

import dataclasses
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from weather_perception.core.engines.backends.inductor import Inductor
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.backends.tensorrt import TensorRt
from weather_perception.core.engines.base import Backend, Engine, OpenedModel, Target
from weather_perception.core.engines.build import load, ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.engines.select import BACKENDS
from weather_perception.core.program import Program, open_program

TARGET = Target(48, 64, 3)
MODELS = Path(__file__).parents[2] / "models"


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_an_engine_for_several_frames_does_as_the_reference_with_one_and_with_all(
    backend: Backend, program: Program, tmp_path: Path
) -> None:
    target = dataclasses.replace(TARGET, device="cuda") if backend.name == "tensorrt" else TARGET
    if problem := backend.missing(target.device):
        pytest.skip(f"{backend.name}: {problem}")
    reference = TorchEngine(program)
    engine = built(backend, program, target, tmp_path)
    assert (engine.name, engine.manifest, engine.model_hash) == (backend.name, program.manifest, program.sha256)
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
    for batch in (frames[:1], frames[:2], frames):
        expected, found = reference.infer(batch), engine.infer(batch)
        for wanted, given in zip(expected, found, strict=True):
            assert (wanted.shape, wanted.dtype) == (given.shape, given.dtype)
            np.testing.assert_allclose(given.astype(float), wanted.astype(float), atol=1.001)
        np.testing.assert_allclose(found.weather_BK, expected.weather_BK, atol=1e-5)
    check_answers_are_the_callers(engine)


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.pt2")), ids=lambda path: path.name)
def test_every_model_of_the_package_runs_in_openvino(path: Path, tmp_path: Path) -> None:
    """Its entry is kept only if the engine does as the reference on frames."""
    backend, program = OpenVino(), open_program(path)
    if problem := backend.missing("cpu"):
        pytest.skip(f"openvino: {problem}")
    frames = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), np.uint8)
    given = built(backend, program, Target(48, 64), tmp_path).infer(frames)
    np.testing.assert_allclose(given.weather_BK, TorchEngine(program).infer(frames).weather_BK, atol=1e-3)


def built(backend: Backend, program: Program, target: Target, cache: Path) -> Engine:
    """The engine that the backend builds for the target, loaded from a new cache."""
    opened = OpenedModel(program, TorchEngine(program), threads=1)
    return load(program, target, backend, ready_entry(opened, target, backend, EngineCache(cache)).folder, threads=1)


def check_answers_are_the_callers(engine: Engine) -> None:
    """The next answer leaves an answer as it is, and whoever writes into one changes no other."""
    dark, bright = (np.full((1, 48, 64, 3), level, np.uint8) for level in (0, 255))
    first = engine.infer(dark)
    kept = [array.copy() for array in first]
    engine.infer(bright)
    for array, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, before)
    for array in first:
        array[...] = 7
    assert not dark.any()
    for array, before in zip(engine.infer(dark), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_the_reference_gives_the_caller_answers_of_its_own(program: Program) -> None:
    check_answers_are_the_callers(TorchEngine(program))


def test_without_a_compiler_inductor_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert "no C++ compiler" in Inductor().missing("cpu") and "apt install g++" in Inductor().missing("cpu")
    monkeypatch.setenv("CXX", "/no/such/compiler")
    assert "CXX=/no/such/compiler is not a program" in Inductor().missing("cpu")


def test_a_backend_names_the_device_that_it_is_for() -> None:
    assert "set `device` to cpu" in OpenVino().missing("cuda:0")
    assert "set `device` to cuda" in TensorRt().missing("cpu")


@pytest.mark.skipif(find_spec("tensorrt") is not None, reason="TensorRT is installed")
def test_without_tensorrt_the_command_that_installs_it_is_given() -> None:
    assert "pip install 'weather_perception[tensorrt]'" in TensorRt().missing("cuda:0")


def test_no_toolkit_is_imported_before_it_is_chosen() -> None:
    code = (
        "import sys; from weather_perception.core.engines.select import BACKENDS, build_engine;"
        "[backend.missing('cpu') for backend in BACKENDS];"
        "sys.exit(str({'torch', 'openvino', 'onnx', 'onnxscript', 'torch_tensorrt'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
