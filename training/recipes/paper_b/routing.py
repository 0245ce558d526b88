"""Soft and hard routing, which turn gates into the experts' weights (paper B, section 3.2; METHODS B6 and B7).

Shape legend: B batch, C channels, H height, W width, E experts. Weights are 0 or more, and each row sums to one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.paper_b.config import RoutingConfig


class LevelRouter(nn.Module):
    """The level's input [B, C, H, W] -> weights [B, E] for all its MoE modules.

    Each level has one set of gates, because section 3.2 calls them baselines "at the current hierarchical level". They
    start nearly equal, but not exactly, or argmax would choose the first expert of every level.
    """

    def __init__(self, width: int, experts: int, config: RoutingConfig) -> None:
        super().__init__()
        self.config = config
        self.experts = experts
        if config.kind != "uniform":
            self.gates_E = nn.Parameter(0.02 * torch.randn(experts))
        self.image: nn.Linear | None = None
        if config.kind != "uniform" and config.gating == "image":
            self.image = nn.Linear(width, experts, bias=False)
            nn.init.zeros_(self.image.weight)  # training starts from the printed form

    @property
    def constant(self) -> bool:
        """Whether the weights are the same for every image."""
        return self.image is None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.config.kind == "uniform":
            return x_BCHW.new_full((x_BCHW.shape[0], self.experts), 1 / self.experts)
        gates = self.gates_E.expand(x_BCHW.shape[0], self.experts)
        if self.image is not None:
            gates = gates + self.image(x_BCHW.mean(dim=(2, 3)))
        if self.config.kind == "soft":
            return soft(gates)
        return top_k(gates, 1 if self.config.kind == "argmax" else self.config.kept)


class FixedWeights(nn.Module):
    """A router with fixed weights [E], the same for all images."""

    weights_E: Tensor

    def __init__(self, weights_E: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights_E", weights_E)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.weights_E.expand(x_BCHW.shape[0], -1)


def soft(gates_BE: Tensor) -> Tensor:
    """Softmax over the gates: soft routing as printed in section 3.2."""
    return gates_BE.softmax(dim=1)


def top_k(gates_BE: Tensor, kept: int) -> Tensor:
    """Softmax over the `kept` largest gates, exact zeros for the others; with one kept, the argmax of section 3.2.

    Gradients are those of soft routing (straight-through), because a hard choice has no gradient to train the gates.
    """
    chosen_BE = F.one_hot(gates_BE.topk(kept, dim=1).indices, gates_BE.shape[1]).sum(dim=1).bool()
    hard = gates_BE.masked_fill(~chosen_BE, float("-inf")).softmax(dim=1)
    smooth = soft(gates_BE)
    return hard.detach() + (smooth - smooth.detach())
