"""MUIRF: a restoration U-Net in which the router decides which channels the weathers share (paper C, reconstructed).

Only the abstract of paper C is public, which calls the mixture of experts "shallow-feature-based". The U-Net is our
own, with CPSM in the convolutions of its residual blocks. All weathers share the embedding, the layers between levels
and the output layer completely.

Shape legend: B batch, C channels, H height, W width, E score experts, K weathers, L channel-shared convolutions,
O their channels.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import check_size, downsampling, one_hot, pooled_statistics, upsampling
from training.recipes.paper_c.config import MuirfConfig
from training.recipes.paper_c.sharing import ChannelSharedConv2d, Route, shared_convolution

LEAST = 1e-6
"""A probability of all weathers but clear below this counts as none."""


class MuirfRouting(NamedTuple):
    """Logits and calibrated probabilities of the weathers, and weights of the score experts; their rows sum to one."""

    logits_BK: Tensor
    weather_BK: Tensor
    gate_BE: Tensor


class ShallowRouter(nn.Module):
    """Shallow features F0 [B, C, H, W] -> MuirfRouting, from means and deviations over the frame.

    The posterior over weathers learns from the weather labels; validation data determine its temperature afterwards.
    The router takes these statistics of F0 and of the outputs of two convolutions. It has no normalisation layers: they
    would remove the brightness and contrast that reveal the weather, and make the images of a batch depend on each
    other.
    """

    temperature: Tensor

    def __init__(self, width: int, hidden: int, weathers: int, experts: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(width, hidden, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(hidden, hidden, 3, stride=2, padding=1)
        self.trunk = nn.Sequential(nn.Linear(2 * width + 4 * hidden, 2 * hidden), nn.ReLU())
        self.weather = nn.Linear(2 * hidden, weathers)
        self.experts = nn.Linear(2 * hidden, experts)
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, shallow_BCHW: Tensor) -> MuirfRouting:
        fine = F.relu(self.fine(F.relu(shallow_BCHW)))
        coarse = F.relu(self.coarse(fine))
        hidden = self.trunk(torch.cat([statistics(x) for x in (shallow_BCHW, fine, coarse)], dim=1))
        logits = self.weather(hidden)
        return MuirfRouting(logits, (logits / self.temperature).softmax(dim=1), self.experts(hidden).softmax(dim=1))


def statistics(x_BCHW: Tensor) -> Tensor:
    """Mean and logarithm of the standard deviation of every channel over the frame, [B, 2C].

    Fog scales the contrast down, rain and snow increase it; on a logarithmic scale both are shifts.
    """
    mean_BC, deviation_BC = pooled_statistics(x_BCHW).chunk(2, dim=1)
    return torch.cat([mean_BC, deviation_BC.log()], dim=1)


class MuirfRestoration(NamedTuple):
    """The unclamped restored image, the routing, and the mask [B, O] of every channel-shared convolution."""

    restored_B3HW: Tensor
    routing: MuirfRouting
    masks: tuple[Tensor, ...]

    @property
    def shared_BL(self) -> Tensor:
        """The share of shared channels of each convolution, 0..1."""
        return torch.stack([mask_BO.mean(dim=1) for mask_BO in self.masks], dim=1)


def share_of_channels(masks: Sequence[Tensor]) -> Tensor:
    """The share [B] of shared channels over all convolutions, 0..1, from their masks [B, O]."""
    return torch.cat(list(masks), dim=1).mean(dim=1)


class SharedBlock(nn.Module):
    """x + conv(relu(conv(x))), both channel-shared; the second starts small, to keep the scale of x."""

    def __init__(self, width: int, config: MuirfConfig) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        with torch.no_grad():
            second.weight.mul_(0.1)
        sharing = len(config.weathers), config.experts, config.ratio, config.sharing
        self.first = shared_convolution(first, *sharing)
        self.second = shared_convolution(second, *sharing)

    def forward(self, x_BCHW: Tensor, route: Route) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        inner = self.first(x_BCHW, route)
        outer = self.second(F.relu(inner.x_BOHW), route)
        return x_BCHW + outer.x_BOHW, (inner.mask_BO, outer.mask_BO)


class Muirf(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of `config.stride`, or ValueError -> MuirfRestoration.

    With the labels `weather_B` the kernels are those of the given weathers, else those of the router's posterior.
    """

    def __init__(self, config: MuirfConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**level for level in range(len(config.blocks))]
        self.embed = embedding(config.patch, widths[0])
        self.router = ShallowRouter(widths[0], config.hidden, len(config.weathers), config.experts)
        self.encoder = nn.ModuleList(level(*each, config) for each in zip(widths, config.blocks, strict=True))
        self.down = nn.ModuleList(downsampling(width) for width in widths[:-1])
        self.up = nn.ModuleList(upsampling(width) for width in widths[1:])
        self.decoder = nn.ModuleList(level(*each, config) for each in zip(widths[:-1], config.blocks, strict=False))
        self.head = nn.Sequential(plain(widths[0], 3 * config.patch**2), nn.PixelShuffle(config.patch))
        with torch.no_grad():
            for parameter in self.head.parameters():
                parameter.mul_(0.1)  # training starts near the identity

    def forward(self, image_B3HW: Tensor, weather_B: Tensor | None = None) -> MuirfRestoration:
        check_size("MUIRF", image_B3HW, self.config.stride)
        shallow = self.embed(image_B3HW)
        routing = self.router(shallow)
        known = routing.weather_BK if weather_B is None else one_hot(weather_B, routing.weather_BK)
        restored, masks = self.restore(image_B3HW, shallow, Route(routing.gate_BE, known))
        return MuirfRestoration(restored, routing, masks)

    def preview(self, image_B3HW: Tensor) -> tuple[MuirfRouting, tuple[Tensor, ...]]:
        """The routing and the masks of images at the cost of the router, without restoration."""
        routing = self.router(self.embed(image_B3HW))
        return routing, tuple(conv.mask(routing.gate_BE) for conv in self.shared_convolutions.values())

    def restore(self, image_B3HW: Tensor, shallow_BCHW: Tensor, route: Route) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The image plus the U-Net's residual on this route, and the masks.

        On the clear route, Ir = Id + (1 - p(clear)) * residual, which is this project's own.
        """
        change_B: Tensor | None = None
        if self.config.clear is not None:
            change_B, route = without_clear(route, self.config.clear)
        x, skips, masks = shallow_BCHW, [], []
        for index, blocks in enumerate(self.encoder):
            x = self.down[index - 1](x) if index else x
            x, found = walk(blocks, x, route)
            skips.append(x)
            masks += found
        for index in reversed(range(len(self.decoder))):
            x = self.up[index](x) + skips[index]
            x, found = walk(self.decoder[index], x, route)
            masks += found
        residual = self.head(x) if change_B is None else change_B[:, None, None, None] * self.head(x)
        return image_B3HW + residual, tuple(masks)

    @property
    def shared_convolutions(self) -> dict[str, ChannelSharedConv2d]:
        """All channel-shared convolutions, by names such as `encoder1.1.first`, in the order of the masks."""
        return dict(self._named())

    def _named(self) -> Iterator[tuple[str, ChannelSharedConv2d]]:
        sides = [(f"encoder{index + 1}", blocks) for index, blocks in enumerate(self.encoder)]
        sides += [(f"decoder{index + 1}", self.decoder[index]) for index in reversed(range(len(self.decoder)))]
        for name, blocks in sides:
            assert isinstance(blocks, nn.ModuleList)
            for number, block in enumerate(blocks, start=1):
                assert isinstance(block, SharedBlock)
                yield f"{name}.{number}.first", block.first
                yield f"{name}.{number}.second", block.second

    @property
    def specific_parameters(self) -> tuple[nn.Parameter, ...]:
        """The weather-specific weights."""
        return tuple(p for conv in self.shared_convolutions.values() for p in conv.specific_parameters)

    @property
    def shared_parameters(self) -> tuple[nn.Parameter, ...]:
        """All other trainable weights; the gradients of all weathers meet on them."""
        specific = {id(parameter) for parameter in self.specific_parameters}
        return tuple(p for p in self.parameters() if p.requires_grad and id(p) not in specific)

    @property
    def posterior_parameters(self) -> tuple[nn.Parameter, ...]:
        """The weights of the shallow features and of the router's weather posterior, without those of its experts."""
        experts = {id(parameter) for parameter in self.router.experts.parameters()}
        return tuple(p for part in (self.embed, self.router) for p in part.parameters() if id(p) not in experts)

    @property
    def mask_parameters(self) -> tuple[nn.Parameter, ...]:
        """The weights that choose shared channels: the score experts' weights and scores."""
        scores = (conv.scores_EO for conv in self.shared_convolutions.values())
        return (*self.router.experts.parameters(), *scores)

    def hold_posterior(self) -> None:
        """Freeze the shallow features and the router's weather posterior, but not its experts."""
        for parameter in self.posterior_parameters:
            parameter.requires_grad_(False)

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates: the score experts' weights, then the share of shared channels of each convolution."""
        experts = tuple(f"expert{number}" for number in range(1, self.config.experts + 1))
        return experts + tuple(f"shared.{name}" for name in self.shared_convolutions)


def without_clear(route: Route, clear: int) -> tuple[Tensor, Route]:
    """1 - p(clear) [B], and the route whose weathers are the others, in proportion; all are 0 for a sure clear."""
    others_BK = torch.cat([route.weather_BK[:, :clear], route.weather_BK[:, clear + 1 :]], dim=1)
    change_B = others_BK.sum(dim=1)
    others_BK = others_BK / change_B.clamp(min=LEAST)[:, None]
    none_B1 = torch.zeros_like(route.weather_BK[:, :1])
    return change_B, route._replace(weather_BK=torch.cat([others_BK[:, :clear], none_B1, others_BK[:, clear:]], dim=1))


def level(width: int, blocks: int, config: MuirfConfig) -> nn.ModuleList:
    """The residual blocks of one level of the U-Net."""
    return nn.ModuleList(SharedBlock(width, config) for _ in range(blocks))


def embedding(patch: int, width: int) -> nn.Conv2d:
    """The first convolution: a feature per patch of the image, or per pixel and its neighbours if `patch` is 1."""
    return nn.Conv2d(3, width, patch, stride=patch) if patch > 1 else plain(3, width)


def plain(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution with an output of the same size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def walk(blocks: nn.Module, x_BCHW: Tensor, route: Route) -> tuple[Tensor, list[Tensor]]:
    """The output of all blocks of a level, and the masks of their convolutions."""
    assert isinstance(blocks, nn.ModuleList)
    masks: list[Tensor] = []
    for block in blocks:
        x_BCHW, found = block(x_BCHW, route)
        masks += found
    return x_BCHW, masks
