"""Every preset of the project becomes one TensorRT engine: known without a GPU, built for real where one is."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import tensorrt
from training.data.classes import CLASSES
from training.export import export_program
from training.models.deploy import DeployedSegmenter
from training.recipes import paper_a, paper_b, paper_c, street_net, weather_net
from training.recipes.paper_a.deploy import DeployedCooperation
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_b.config import MoeWirNetConfig, RoutingConfig
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_c.network import Muirf
from training.recipes.street_net.deploy import DeployedStreetNet
from training.recipes.street_net.network import StreetNet
from training.recipes.weather_net.deploy import DeployedWeatherNet
from training.recipes.weather_net.network import WeatherNet
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


def segmenter() -> BaseSegmenter:
    """The segmenter that gives the papers' models their masks: the default model's."""
    return BaseSegmenter(BaseConfig(len(CLASSES)))


# Every network that a preset trains, those for tests left out: they are small copies. Depth repeats operators, and a
# deep network takes minutes to export: paper B's has one block a level here, at the full width.
MODELS: dict[str, Callable[[], nn.Module]] = {
    "default": lambda: DeployedWeatherNet(WeatherNet(weather_net.config.default().model)),
    "street": lambda: DeployedStreetNet(StreetNet(street_net.config.street().model)),
    "segmenter": lambda: DeployedSegmenter(segmenter(), 8),
    "paper_a": lambda: DeployedCooperation(segmenter(), Cooperation(paper_a.config.paper_a().model)),
    "paper_b": lambda: paper_b.deploy.deployed(MoeWirNet(shallow(paper_b.config.paper_b().model)), segmenter()),
    "paper_b_quick": lambda: paper_b.deploy.deployed(MoeWirNet(paper_b.config.paper_b_quick().model), segmenter()),
    "paper_b_routed_by_image": lambda: paper_b.deploy.deployed(
        MoeWirNet(routed_by_image(paper_b.config.paper_b_quick().model)), segmenter()
    ),
    "paper_c": lambda: paper_c.deploy.deployed(Muirf(paper_c.config.paper_c().model), segmenter()),
    "paper_c_small": lambda: paper_c.deploy.deployed(Muirf(paper_c.config.paper_c_small().model), segmenter()),
    "paper_c_quick": lambda: paper_c.deploy.deployed(Muirf(paper_c.config.paper_c_quick().model), segmenter()),
}


def shallow(config: MoeWirNetConfig) -> MoeWirNetConfig:
    """The network with one block a level."""
    return dataclasses.replace(config, blocks=(1, 1, 1, 1), refinement_blocks=1)


def routed_by_image(config: MoeWirNetConfig) -> MoeWirNetConfig:
    """The network with gates that see the image and one expert a block of the decoder."""
    return dataclasses.replace(config, encoder=RoutingConfig("soft", "image"), decoder=RoutingConfig("argmax"))


TARGETS = {name: [Target(*SIZE)] for name in MODELS}
TARGETS["default"] += [Target(*SIZE, batch=6), Target(*SIZE, precision="fp16"), Target(*SIZE, 6, "bf16")]
CASES = [
    pytest.param(name, target, id=f"{name}-{target.shape}-{target.precision}")
    for name, targets in TARGETS.items()
    for target in targets
]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def dry_runner(folder: Path) -> Iterator[tensorrt.DryRunner]:
    if not tensorrt.available():
        pytest.skip(f"Torch-TensorRT's dry run {tensorrt.MISSING}")
    with tensorrt.DryRunner(folder) as runner:
        yield runner


@functools.cache
def program(name: str, folder: Path) -> Program:
    """The model file of a preset's network, untrained."""
    torch.manual_seed(0)
    module = MODELS[name]().eval()
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


@pytest.mark.parametrize(("name", "target"), CASES)
def test_tensorrt_takes_every_operator_of_a_model_file_into_one_engine(
    name: str, target: Target, folder: Path, dry_runner: tensorrt.DryRunner
) -> None:
    """Except the last casts to uint8, one small kernel each, which Torch-TensorRT leaves to PyTorch."""
    found = dry_runner.run(at_fixed_size(program(name, folder), target, cast=True))
    assert set(found.in_torch) <= {"_to_copy.default"} and len(found.in_torch) <= 3, f"fall back: {found.in_torch}"
    assert found.engines == 1
    assert found.operators > 20


@pytest.mark.skipif(bool(TensorRt().missing("cuda")), reason=TensorRt().missing("cuda"))
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("name", "target"), CASES)
def test_on_a_gpu_it_is_built_and_does_as_the_reference(
    name: str, target: Target, folder: Path, tmp_path: Path
) -> None:
    """Parity is part of the build; the times are printed, for `pytest -rP`."""
    target = dataclasses.replace(target, device="cuda")
    opened = program(name, folder)
    reference = TorchEngine(opened, target.device)
    entry = ready_entry(
        OpenedModel(opened, reference, target.device), target, TensorRt(), EngineCache(tmp_path / "cache"), print
    )
    engine = load(opened, target, TensorRt(), entry.folder, threads=0)
    frames = np.zeros((target.batch, *SIZE, 3), np.uint8)
    for _ in range(10):
        start = time.perf_counter()
        engine.infer(frames)
        print(f"{name}: {target.shape} in {1e3 * (time.perf_counter() - start):.2f} ms")
    assert set(entry.notes["parity"]) >= {"restored", "labels"}
