"""MUIRF (paper C, a reconstruction) handed out: its calibrated routing by name, and one engine for TensorRT."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support.runs import assert_same_model, untrained
from training.export import export_program
from training.models.deploy import DeployedRestorer, prepare
from training.recipes import open_deployable
from training.recipes.paper_c.config import paper_c_quick
from training.recipes.paper_c.deploy import deployed
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK
from training.recipes.paper_c.recipe import PAPER_C
from training.segmenters.base import BaseConfig, BaseSegmenter

CONFIG = dataclasses.replace(paper_c_quick().model, width=8, hidden=8, patch=2)

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
def move(net: Muirf) -> None:
    """To weights of its own for every weather, and to be sure of different weathers for different frames."""
    for parameter in net.specific_parameters:
        parameter.add_(0.1 * torch.randn_like(parameter))
    for layer in (net.router.weather, net.router.experts):
        layer.weight.mul_(2)
    for parameter in net.head.parameters():
        parameter.mul_(10)
    net.router.temperature.fill_(1.5)


@pytest.fixture(scope="module")
def net() -> Muirf:
    torch.manual_seed(0)
    net = Muirf(CONFIG).eval()
    move(net)
    return net


@pytest.fixture(scope="module")
def model(net: Muirf) -> DeployedRestorer:
    return deployed(net, BaseSegmenter(BaseConfig(widths=(8, 8, 8))))


@torch.inference_mode()
def test_weather_and_gates_are_the_networks_calibrated_routing_in_the_model_file_too(
    net: Muirf, model: DeployedRestorer
) -> None:
    dark = torch.randint(0, 40, (1, 64, 64, 3), dtype=torch.uint8)
    frames = torch.cat([dark, 200 + dark])
    image, _ = prepare(frames, CONFIG.stride)
    expected = net(image)
    _, _, _, weather, gates = model(frames)
    torch.testing.assert_close(weather, (expected.routing.logits_BK / 1.5).softmax(dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gates[:, : CONFIG.experts], expected.routing.gate_BE, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gates[:, CONFIG.experts :], expected.shared_BL)
    assert (weather[0] - weather[1]).abs().max() > 0.01
    assert_same_model(export_program(model).module(), model)


def test_the_manifest_names_the_weathers_the_gates_the_temperature_and_the_reconstruction(
    tmp_path: Path, untrained_base: Path
) -> None:
    config = dataclasses.replace(paper_c_quick(), model=CONFIG)
    folder = untrained(PAPER_C, config, tmp_path / "run", lambda networks: move(networks[NETWORK]))
    manifest = open_deployable(folder, str(untrained_base)).manifest("muirf")
    assert manifest.weathers == CONFIG.weathers and manifest.gates == Muirf(CONFIG).gate_names
    assert "shared.encoder1.1.first" in manifest.gates
    assert "reconstruction from its abstract" in manifest.training["method"]
    assert manifest.training["temperature"] == 1.5
