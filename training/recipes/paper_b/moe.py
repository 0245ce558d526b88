"""The MoE feature extraction module: three parallel experts with weights and a fusion (paper B, section 3.2).

Shape legend: B batch, C channels, H height, W width, E experts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.paper_b.config import Expert, MoeWirNetConfig, RoutingConfig
from training.recipes.paper_b.experts import ChannelExpert, FrequencyExpert, SpatialExpert
from training.recipes.paper_b.routing import LevelRouter


class PixelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of every pixel of x [B, C, H, W]."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return super().forward(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


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
    """Build the expert `name` for `width` channels."""
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
