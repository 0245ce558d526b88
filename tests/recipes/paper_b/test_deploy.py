"""MOE-WIRNet handed out: pruned, equal to the whole network, its gates named and routed by the image."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support.runs import assert_same_model, untrained
from training.deployable import Deployable
from training.export import export_program
from training.loop.checkpoint import open_checkpoint
from training.models.deploy import finish, prepare
from training.recipes import open_deployable
from training.recipes.paper_b.config import MoeWirNetConfig, RoutingConfig, paper_b_smoke
from training.recipes.paper_b.deploy import deployed, restore
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import PAPER_B
from training.segmenters.base import BaseConfig, BaseSegmenter

CONFIG = dataclasses.replace(paper_b_smoke().model, encoder=RoutingConfig("soft", "image"))

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
def move(net: MoeWirNet) -> None:
    """Enough for its residual to matter, and for its gates to differ from image to image."""
    net.heads[0].weight.mul_(5)
    for level in net.encoder:
        level.router.image.weight.normal_(0, 0.5)


def moved(config: MoeWirNetConfig) -> MoeWirNet:
    torch.manual_seed(0)
    net = MoeWirNet(config).eval()
    move(net)
    return net


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of paper B, not trained but moved."""
    config = dataclasses.replace(paper_b_smoke(), model=CONFIG)
    return untrained(PAPER_B, config, tmp_path_factory.mktemp("paper_b") / "run", lambda nets: move(nets[NETWORK]))


@pytest.fixture(scope="module")
def deployable(run: Path, untrained_base: Path) -> Deployable:
    return open_deployable(run, str(untrained_base))


@torch.inference_mode()
def test_the_pruned_model_equals_the_network_with_every_expert(run: Path, deployable: Deployable) -> None:
    frames = torch.randint(0, 256, (2, 70, 90, 3), dtype=torch.uint8)
    image, size = prepare(frames, CONFIG.stride)
    result = restore(open_checkpoint(run), CONFIG)(image)
    restored, _, _, weather, gates = deployable.model(frames)
    assert (restored.float() - finish(result.restored_B3HW, size).float()).abs().max() <= 1
    assert (restored.float() - frames.float()).abs().max() > 2  # there is a difference to see
    torch.testing.assert_close(gates, result.gates_BG, rtol=1e-4, atol=1e-5)
    assert weather.tolist() == [[1.0], [1.0]]
    assert deployable.parts["moe_wirnet"] is deployable.model.restorer.net
    decoder = [name for name in deployable.model.state_dict() if ".decoder.0.blocks.0.experts." in name]
    assert {name.split(".experts.")[1].split(".")[0] for name in decoder} == {"0"}


@torch.inference_mode()
def test_gates_are_named_by_level_and_expert_soft_in_the_encoder_and_hard_in_the_decoder(
    deployable: Deployable,
) -> None:
    assert deployable.gates[:3] == ("encoder1.channel", "encoder1.spatial", "encoder1.frequency")
    *_, gates = deployable.model(torch.randint(0, 256, (2, 70, 90, 3), dtype=torch.uint8))
    assert (gates[0, :12] != gates[1, :12]).any()  # they see the image
    for values in gates:
        found = dict(zip(deployable.gates, values.tolist(), strict=True))
        assert sum(found[f"encoder1.{name}"] for name in CONFIG.experts) == pytest.approx(1, abs=1e-3)
        assert sorted(found[f"refinement.{name}"] for name in CONFIG.experts) == [0, 0, 1]


def test_gates_that_see_the_image_go_into_the_model_file(tmp_path: Path) -> None:
    net = moved(dataclasses.replace(CONFIG, blocks=(1, 0, 0, 0), refinement_blocks=0))
    model = deployed(net, BaseSegmenter(BaseConfig(widths=(8, 8, 8))))
    assert_same_model(export_program(model).module(), model)
