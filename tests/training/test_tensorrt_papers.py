"""The papers' networks become one TensorRT engine each.

Depth repeats operators, and a deep network takes minutes to export: here each network has one block of each kind, and
of presets that differ in depth, width and the size of patches alone, one is enough.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from tests.support.readiness import Case, assert_as_reference, assert_one_engine, needs_gpu, of_each, segmenter
from tests.support.tensorrt import DryRunner
from training.recipes import paper_a, paper_b, paper_c
from training.recipes.paper_a.deploy import DeployedCooperation
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_b.config import RoutingConfig
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_c.network import Muirf

pytestmark = pytest.mark.usefixtures("one_thread")


# The encoder's first level and its deepest, and the decoder's first.
THREE_BLOCKS: dict[str, Any] = {"blocks": (1, 0, 0, 1), "refinement_blocks": 0}
TWO_LEVELS = (1, 1)


def cooperation() -> nn.Module:
    config = paper_a.config.paper_a().model
    config = replace(config, sgada=replace(config.sgada, blocks=1), egsyn=replace(config.egsyn, blocks=1))
    return DeployedCooperation(segmenter(), Cooperation(config))


def moe_wirnet() -> nn.Module:
    config = replace(paper_b.config.paper_b().model, **THREE_BLOCKS)
    return paper_b.deploy.deployed(MoeWirNet(config), segmenter())


def moe_wirnet_routed_by_image() -> nn.Module:
    """With gates that see the image, and one expert a block of the decoder."""
    encoder, decoder = RoutingConfig("soft", "image"), RoutingConfig("argmax")
    config = replace(paper_b.config.paper_b_quick().model, encoder=encoder, decoder=decoder, **THREE_BLOCKS)
    return paper_b.deploy.deployed(MoeWirNet(config), segmenter())


def muirf() -> nn.Module:
    config = replace(paper_c.config.paper_c().model, blocks=TWO_LEVELS)
    return paper_c.deploy.deployed(Muirf(config), segmenter())


def muirf_of_patches() -> nn.Module:
    """With a first convolution that embeds patches."""
    config = replace(paper_c.config.paper_c_quick().model, blocks=TWO_LEVELS)
    return paper_c.deploy.deployed(Muirf(config), segmenter())


CASES = [
    Case("paper_a", cooperation),
    Case("paper_b", moe_wirnet),
    Case("paper_b_routed_by_image", moe_wirnet_routed_by_image),
    Case("paper_c", muirf),
    Case("paper_c_quick", muirf_of_patches),
]


@of_each(CASES)
def test_tensorrt_takes_every_operator_into_one_engine(case: Case, models: Path, dry_runner: DryRunner) -> None:
    assert_one_engine(case, models, dry_runner)


@needs_gpu
@of_each(CASES)
def test_on_a_gpu_it_is_built_and_does_as_the_reference(case: Case, models: Path, tmp_path: Path) -> None:
    assert_as_reference(case, models, tmp_path / "cache")
