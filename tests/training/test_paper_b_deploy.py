"""MOE-WIRNet as a model file: pruned, equal at every size, one engine for TensorRT."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support import tensorrt
from training.data.classes import CLASSES
from training.export import export_program
from training.models.deploy import finish, prepare
from training.models.paper_b.deploy import DeployedMoeWirNet
from training.models.paper_b.network import MoeWirNet
from training.models.segmenter import BaseSegmenter
from training.paper_b_config import PaperBConfig, RoutingConfig, paper_b_quick
from weather_perception.core.contract import OUTPUT_NAMES, Manifest
from weather_perception.core.program import Program, save_program

PROVENANCE = {"data": [], "licence": "", "command": "", "commit": "", "metrics": {}}
CONFIG = dataclasses.replace(
    paper_b_quick(), width=6, encoder=RoutingConfig("soft", "image"), decoder=RoutingConfig("argmax")
)

pytestmark = pytest.mark.usefixtures("one_thread")


def network(config: PaperBConfig) -> MoeWirNet:
    """Seeded, and moved enough for its residual to matter."""
    torch.manual_seed(0)
    net = MoeWirNet(config).eval()
    with torch.no_grad():
        net.heads[0].weight.mul_(5)
        for level in net.encoder:
            level.router.image.weight.normal_(0, 0.5)
    return net


@pytest.fixture(scope="module")
def net() -> MoeWirNet:
    return network(CONFIG)


@pytest.fixture(scope="module")
def deployed(net: MoeWirNet) -> DeployedMoeWirNet:
    return DeployedMoeWirNet(BaseSegmenter(len(CLASSES), 8, 8, 8), net).eval()


@pytest.fixture(scope="module")
def program(deployed: DeployedMoeWirNet, tmp_path_factory: pytest.TempPathFactory) -> Program:
    described = Manifest("moe", CLASSES, ("unknown",), deployed.net.gate_names, PROVENANCE, torch.__version__)
    return save_program(export_program(deployed), described, tmp_path_factory.mktemp("model") / "moe.pt2")


@torch.inference_mode()
def test_the_model_file_equals_the_network_at_every_size(deployed: DeployedMoeWirNet, program: Program) -> None:
    opened = program.exported.module()
    for batch, rows, columns in ((1, 1, 1), (3, 33, 40), (1, 64, 64), (2, 97, 131)):
        frames = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8)
        for name, expected, found in zip(OUTPUT_NAMES, deployed(frames), opened(frames), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype
            if name == "labels":
                assert (found == expected).float().mean() > 0.999
            elif name == "gates":
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            else:
                assert (found.float() - expected.float()).abs().max() <= 1, name  # rounding


@torch.inference_mode()
def test_the_pruned_model_file_equals_the_network_with_every_expert(net: MoeWirNet, program: Program) -> None:
    frames = torch.randint(0, 256, (2, 70, 90, 3), dtype=torch.uint8)
    image, size = prepare(frames, CONFIG.stride)
    result = net(image)
    restored, _, _, _, gates = program.exported.module()(frames)
    assert (restored.float() - finish(result.restored_B3HW, size).float()).abs().max() <= 1
    torch.testing.assert_close(gates, result.gates_BG, rtol=1e-4, atol=1e-5)
    assert set(gates[:, 12:].unique().tolist()) == {0.0, 1.0}
    decoder = [name for name in program.exported.state_dict if ".decoder.0.blocks.0.experts." in name]
    assert {name.split(".experts.")[1].split(".")[0] for name in decoder} == {"0"}


@torch.inference_mode()
def test_the_mask_is_the_base_segmenters_view_of_the_restored_frame(deployed: DeployedMoeWirNet) -> None:
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = deployed(frames)
    assert (restored.float() - frames.float()).abs().max() > 2  # there is a difference to see
    exact = deployed.net(frames.permute(0, 3, 1, 2) / 255).restored_B3HW.clamp(0, 1)
    logits = deployed.segmenter(exact).softmax(dim=1)
    seen = torch.nn.functional.interpolate(logits, size=(64, 64), mode="bilinear").max(dim=1)
    assert (labels == seen.indices).float().mean() > 0.999
    assert (confidence.float() - 255 * seen.values).abs().max() <= 1
    assert weather.tolist() == [[1.0]] and gates.shape == (1, len(deployed.net.gate_names))


@pytest.mark.skipif(not tensorrt.available(), reason=f"Torch-TensorRT's dry run {tensorrt.MISSING}")
@pytest.mark.parametrize("decoder", ["uniform", "argmax"])
def test_tensorrt_takes_the_whole_network_into_one_engine(decoder: str, tmp_path: Path) -> None:
    """All but the three last casts to uint8, which Torch-TensorRT leaves to PyTorch."""
    routed = RoutingConfig("uniform") if decoder == "uniform" else RoutingConfig("argmax")
    net = network(dataclasses.replace(CONFIG, decoder=routed))
    deployed = DeployedMoeWirNet(BaseSegmenter(len(CLASSES), 8, 8, 8), net).eval()
    frame = torch.zeros(1, 128, 192, 3, dtype=torch.uint8)
    found = tensorrt.dry_run(torch.export.export(deployed, (frame,)), tmp_path)
    assert found.operators > 500
    assert found.engines == 1
    assert sorted(found.in_torch) == ["_to_copy.default"] * 3
