"""The MoE feature extraction module: the routing, three parallel experts with weights, and a fusion.

Paper B, section 3.2; METHODS B6 and B7 for soft and hard routing. Shape legend: B batch, C channels, H height, W width,
E experts. Weights are 0 or more, and each row sums to one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import PixelNorm
from training.recipes.paper_b.config import Expert, MoeWirNetConfig, RoutingConfig
from training.recipes.paper_b.experts import ChannelExpert, FrequencyExpert, SpatialExpert


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


class MoeModule(nn.Module):
    """X [B, C, H, W] and the experts' weights [B, E] -> LN(X + fusion(experts)) [B, C, H, W].

    Each expert takes C/E channels. No equation defines the fusion layer; the text describes "a non-linear integration",
    so it is a GELU and a 1x1 convolution.
    """

    def __init__(self, width: int, heads: int, config: MoeWirNetConfig) -> None:
        super().__init__()
        self.columns = list(range(len(config.experts)))
        share = width // len(config.experts)
        self.linear = nn.Conv2d(width, width, 1)  # a linear map of each pixel
        self.split = nn.Conv2d(width, width, 1)
        self.experts = nn.ModuleList(build_expert(name, share, heads, config) for name in config.experts)
        self.fusion = nn.Conv2d(width, width, 1)
        self.norm = PixelNorm(width)

    def forward(self, x_BCHW: Tensor, weight_BE: Tensor) -> Tensor:
        branches = self.split(self.linear(x_BCHW)).chunk(len(self.experts), dim=1)
        weighted = [
            weight_BE[:, column, None, None, None] * expert(branch)
            for column, expert, branch in zip(self.columns, self.experts, branches, strict=True)
        ]
        return self.norm(x_BCHW + self.fusion(F.gelu(torch.cat(weighted, dim=1))))

    @torch.no_grad()
    def keep(self, columns: Sequence[int]) -> None:
        """Keep only the experts of these weight columns, in place; exact if the other experts' weights are zero."""
        share = self.split.out_channels // len(self.experts)
        kept = [index for index, column in enumerate(self.columns) if column in columns]
        channels = torch.cat([torch.arange(index * share, (index + 1) * share) for index in kept])
        self.split = narrowed(self.split, channels, slice(None))
        self.fusion = narrowed(self.fusion, slice(None), channels)  # GELU(0) = 0, so the others added nothing
        self.experts = nn.ModuleList(self.experts[index] for index in kept)
        self.columns = [self.columns[index] for index in kept]


class Level(nn.Module):
    """One level of the network, a router and its MoE modules: x [B, C, H, W] -> x of the same shape, weights [B, E]."""

    def __init__(self, width: int, heads: int, blocks: int, config: MoeWirNetConfig, routing: RoutingConfig) -> None:
        super().__init__()
        self.router: nn.Module = LevelRouter(width, len(config.experts), routing)
        self.blocks = nn.ModuleList(MoeModule(width, heads, config) for _ in range(blocks))

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        weight_BE = self.router(x_BCHW)
        for block in self.blocks:
            x_BCHW = block(x_BCHW, weight_BE)
        return x_BCHW, weight_BE


def build_expert(name: Expert, width: int, heads: int, config: MoeWirNetConfig) -> nn.Module:
    """Build the expert `name` for `width` channels, or a convolution in its place."""
    if config.plain:
        return nn.Conv2d(width, width, 3, padding=1)
    if name == "channel":
        return ChannelExpert(width, heads)
    if name == "spatial":
        return SpatialExpert(width, heads, config.window, config.share)
    return FrequencyExpert(width, config.patch)


def narrowed(convolution: nn.Conv2d, outputs: Tensor | slice, inputs: Tensor | slice) -> nn.Conv2d:
    """A copy of a 1x1 convolution with only these output and input channels."""
    weight = convolution.weight[outputs][:, inputs]
    new = nn.Conv2d(weight.shape[1], weight.shape[0], 1).to(weight)
    new.weight.copy_(weight)
    if new.bias is not None and convolution.bias is not None:
        new.bias.copy_(convolution.bias[outputs])
    return new
