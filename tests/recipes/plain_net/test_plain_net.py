"""A user's own network trains on the deployable model's examples; the plain one starts as the identity."""

import textwrap
from pathlib import Path

import pytest
import torch

from tests.support.runs import run, state
from training.recipes.plain_net.nafnet import NafBlock, nafnet
from training.recipes.plain_net.network import open_network
from training.recipes.plain_net.recipe import PLAIN_NET


@torch.inference_mode()
def test_a_block_starts_as_the_identity_and_then_attends_to_whole_channels() -> None:
    torch.manual_seed(0)
    block, image = NafBlock(8), torch.rand(1, 8, 16, 16)
    assert torch.equal(block(image), image)
    block.scales_2C11.fill_(1)
    changed = image.clone()
    changed[..., :4, :4] = 0
    far = (block(changed) - block(image))[..., 12:, 12:]
    assert far.abs().max() > 1e-4  # only the attention sees so far


@torch.inference_mode()
def test_the_plain_network_takes_multiples_of_its_stride_and_keeps_skips() -> None:
    torch.manual_seed(0)
    net, image = nafnet(), torch.rand(1, 3, 32, 48)
    before = net(image)
    assert before.shape == image.shape
    net.down[0][0].weight.zero_()  # nothing passes below the first size but by its skip
    assert net(image).std() > 0.1 and not torch.equal(net(image), before)


def test_a_network_of_ones_own_trains_on_the_same_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_network.py").write_text(
        textwrap.dedent("""
            from torch import nn

            def small():
                return nn.Conv2d(3, 3, 3, padding=1)

            def wrong():
                return 3

            def wide(width):
                return nn.Conv2d(3, width, 3)

            def broken():
                return nn.no_such_layer()
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert run(PLAIN_NET, tmp_path / "run", "--network", "my_network:small", "--steps", "1", "--workers", "0") == 0
    assert "--network my_network:small" in state(tmp_path / "run")["command"]
    with pytest.raises(ValueError, match=r"my_network:wrong: returned int, not a torch"):
        open_network("my_network:wrong")
    with pytest.raises(ValueError, match=r"my_network:wide: missing a required argument: 'width'; it must need no"):
        open_network("my_network:wide")
    with pytest.raises(AttributeError, match="no_such_layer"):
        open_network("my_network:broken")


@pytest.mark.parametrize(
    ("factory", "told"), [("my_network", "expected MODULE:FUNCTION"), ("no.such:net", "No module"), ("math:net", "net")]
)
def test_a_network_that_is_not_there_is_named(factory: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        open_network(factory)
    assert factory in str(refused.value)
