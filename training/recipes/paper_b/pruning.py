"""What a trained MOE-WIRNet can lose: experts that no image is routed to, and outputs that only losses read."""

import copy

import torch
from torch import nn

from training.recipes.paper_b.moe import Level, MoeModule
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.routing import FixedWeights, Router


@torch.no_grad()
def pruned(net: MoeWirNet) -> MoeWirNet:
    """A copy that restores the same image with the same gates, without what it can lose.

    Learned gates are constants once training is over, so experts that hard routing gave no weight can go (METHODS,
    B7). Gates that see the image, and soft ones, keep every expert. The copy gives no coarser outputs.
    """
    net = copy.deepcopy(net)
    for level in net.routed_levels.values():
        _prune(level)
    net.heads = nn.ModuleList(net.heads[:1])
    return net


def _prune(level: Level) -> None:
    if not isinstance(level.router, Router) or not level.router.constant:
        return
    like = next(level.parameters(), torch.zeros(()))
    weights_E = level.router(like.new_zeros(1, 1, 1, 1))[0].clone()
    level.router = FixedWeights(weights_E)
    for block in level.blocks:
        assert isinstance(block, MoeModule)
        block.keep(weights_E.nonzero().flatten().tolist())
