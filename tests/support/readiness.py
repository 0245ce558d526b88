"""Whether a network becomes one TensorRT engine: told by a dry run without a GPU, and built where there is one."""

import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.tensorrt import DryRunner
from training.data.classes import CLASSES
from training.export import export_program
from training.segmenters.base import BaseConfig, BaseSegmenter
from weather_perception.core.contract import Manifest
from weather_perception.core.engines.backends.fixed_size import at_fixed_size
from weather_perception.core.engines.backends.tensorrt import TensorRt
from weather_perception.core.engines.base import OpenedModel, Target
from weather_perception.core.engines.build import load, ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.program import Program, save_program

SIZE = (128, 192)


class Case(NamedTuple):
    """A network under the model file's contract, made by `build`, and the engine to make of it."""

    name: str
    build: Callable[[], nn.Module]
    target: Target = Target(*SIZE)

    def __str__(self) -> str:
        return f"{self.name}-{self.target.shape}-{self.target.precision}"


def of_each(cases: list[Case]) -> pytest.MarkDecorator:
    """Runs a test once for each case."""
    return pytest.mark.parametrize("case", cases, ids=str)


def needs_gpu(test: Callable[..., None]) -> Callable[..., None]:
    """Skips a test that builds a real engine where none can be built."""
    test = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")(test)
    return pytest.mark.skipif(bool(TensorRt().missing("cuda")), reason=TensorRt().missing("cuda"))(test)


def segmenter() -> BaseSegmenter:
    """The segmenter that gives the papers' models their masks: the default model's."""
    return BaseSegmenter(BaseConfig(len(CLASSES)))


def assert_one_engine(case: Case, folder: Path, runner: DryRunner) -> None:
    """Every operator of the model file goes into one engine.

    The last casts to uint8, one small kernel each, may stay: Torch-TensorRT leaves them to PyTorch.
    """
    found = runner.run(at_fixed_size(program(case.name, case.build, folder), case.target, cast=True))
    assert set(found.in_torch) <= {"_to_copy.default"} and len(found.in_torch) <= 3, f"fall back: {found.in_torch}"
    assert found.engines == 1
    assert found.operators > 20


def assert_as_reference(case: Case, folder: Path, cache: Path) -> None:
    """The built engine does as the reference; parity is part of the build. Prints times, for `pytest -rP`."""
    target = dataclasses.replace(case.target, device="cuda")
    opened = program(case.name, case.build, folder)
    reference = TorchEngine(opened, target.device)
    entry = ready_entry(OpenedModel(opened, reference, target.device), target, TensorRt(), EngineCache(cache), print)
    engine = load(opened, target, TensorRt(), entry.folder, threads=0)
    frames = np.zeros((target.batch, *SIZE, 3), np.uint8)
    for _ in range(10):
        start = time.perf_counter()
        engine.infer(frames)
        print(f"{case.name}: {target.shape} in {1e3 * (time.perf_counter() - start):.2f} ms")
    assert set(entry.notes["parity"]) >= {"restored", "labels"}


@functools.cache
def program(name: str, build: Callable[[], nn.Module], folder: Path) -> Program:
    """The model file of an untrained network."""
    torch.manual_seed(0)
    module = build().eval()
    frame = torch.zeros(1, *SIZE, 3, dtype=torch.uint8)
    with torch.inference_mode():
        *_, weather, gates = module(frame)
    described = Manifest(
        name,
        CLASSES,
        tuple(f"weather{index}" for index in range(weather.shape[1])),
        tuple(f"gate{index}" for index in range(gates.shape[1])),
        {"data": [], "licence": "", "command": "", "commit": "", "metrics": {}},
        torch.__version__,
    )
    return save_program(export_program(module), described, folder / f"{name}.pt2")
