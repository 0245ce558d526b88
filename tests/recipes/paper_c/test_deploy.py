"""MUIRF (paper C, a reconstruction) as a model file: equal at every size, routing by name, one engine for TensorRT."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support import tensorrt
from training.data.classes import CLASSES
from training.export import export_program
from training.models.deploy import prepare
from training.recipes.paper_c.deployed import DeployedMuirf
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.network_config import PaperCConfig, paper_c_quick
from training.segmenters.base import BaseSegmenter
from weather_perception.core.contract import OUTPUT_NAMES, Manifest
from weather_perception.core.program import Program, save_program

PROVENANCE = {"data": [], "licence": "", "command": "", "commit": "", "metrics": {}}
CONFIG = dataclasses.replace(paper_c_quick(), width=8, hidden=8, patch=2)

pytestmark = pytest.mark.usefixtures("one_thread")


def deploy(config: PaperCConfig = CONFIG) -> DeployedMuirf:
    """Seeded, with weights of its own for every weather, sure of different weathers for different frames."""
    torch.manual_seed(0)
    net = Muirf(config)
    with torch.no_grad():
        for parameter in net.specific_parameters:
            parameter.add_(0.1 * torch.randn_like(parameter))
        for layer in (net.router.weather, net.router.experts):
            layer.weight.mul_(2)
        for parameter in net.head.parameters():
            parameter.mul_(10)
        net.router.temperature.fill_(1.5)
    return DeployedMuirf(BaseSegmenter(len(CLASSES), 8, 8, 8), net).eval()


@pytest.fixture(scope="module")
def deployed() -> DeployedMuirf:
    return deploy()


@pytest.fixture(scope="module")
def program(deployed: DeployedMuirf, tmp_path_factory: pytest.TempPathFactory) -> Program:
    names = deployed.net.config.weathers, deployed.net.gate_names
    described = Manifest("muirf", CLASSES, *names, PROVENANCE, torch.__version__)
    return save_program(export_program(deployed), described, tmp_path_factory.mktemp("model") / "muirf.pt2")


@torch.inference_mode()
def test_the_model_file_equals_the_network_at_every_size(deployed: DeployedMuirf, program: Program) -> None:
    opened = program.exported.module()
    for batch, rows, columns in ((1, 1, 1), (3, 33, 40), (1, 64, 64), (2, 97, 131)):
        frames = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8)
        for name, expected, found in zip(OUTPUT_NAMES, deployed(frames), opened(frames), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype
            if name == "labels":
                assert (found == expected).float().mean() > 0.999
            elif name in ("gates", "weather"):
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            else:
                assert (found.float() - expected.float()).abs().max() <= 1, name  # rounding


@torch.inference_mode()
def test_weather_and_gates_are_the_networks_calibrated_routing(deployed: DeployedMuirf, program: Program) -> None:
    dark = torch.randint(0, 40, (1, 64, 64, 3), dtype=torch.uint8)
    frames = torch.cat([dark, 200 + dark])
    image, _ = prepare(frames, CONFIG.stride)
    expected = deployed.net(image)
    _, _, _, weather, gates = program.exported.module()(frames)
    torch.testing.assert_close(weather, (expected.routing.logits_BK / 1.5).softmax(dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gates[:, : CONFIG.experts], expected.routing.gate_BE, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gates[:, CONFIG.experts :], expected.shared_BL)
    assert gates.shape[1] == len(program.manifest.gates) and (weather[0] - weather[1]).abs().max() > 0.01


def test_the_model_file_opens_in_seconds(program: Program) -> None:
    """Files are slow to open for the symbolic sizes that PyTorch must reason about, so those are counted."""
    sizes = {
        str(size)
        for node in program.exported.graph.nodes
        if isinstance(node.meta.get("val"), torch.Tensor)
        for size in node.meta["val"].shape
        if isinstance(size, torch.SymInt)
    }
    assert len(sizes) <= 20, sorted(sizes)


@torch.inference_mode()
def test_the_mask_is_the_base_segmenters_view_of_the_restored_frame(deployed: DeployedMuirf) -> None:
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, _ = deployed(frames)
    assert (restored.float() - frames.float()).abs().max() > 2  # there is a difference to see
    exact = deployed.net(frames.permute(0, 3, 1, 2) / 255).restored_B3HW.clamp(0, 1)
    logits = deployed.segmenter(exact).softmax(dim=1)
    seen = torch.nn.functional.interpolate(logits, size=(64, 64), mode="bilinear").max(dim=1)
    assert (labels == seen.indices).float().mean() > 0.999
    assert (confidence.float() - 255 * seen.values).abs().max() <= 1
    assert weather.sum().item() == pytest.approx(1)


@pytest.mark.skipif(not tensorrt.available(), reason=f"Torch-TensorRT's dry run {tensorrt.MISSING}")
def test_tensorrt_takes_the_whole_network_into_one_engine(deployed: DeployedMuirf, tmp_path: Path) -> None:
    """All but the three last casts to uint8, which Torch-TensorRT leaves to PyTorch; kernels chosen at run time too."""
    frame = torch.zeros(1, 128, 192, 3, dtype=torch.uint8)
    found = tensorrt.dry_run(torch.export.export(deployed, (frame,)), tmp_path)
    assert found.operators > 200
    assert found.engines == 1
    assert sorted(found.in_torch) == ["_to_copy.default"] * 3
