"""MOE-WIRNet: a four-level U-Net with a soft-routed encoder and a hard-routed decoder (paper B, section 3.1).

Shape legend: B batch, C channels, H height, W width, E experts, G weights of all levels' experts.
"""

import copy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import check_size, downsampling, pooled_statistics, upsampling
from training.recipes.paper_b.config import LEVELS, MoeWirNetConfig
from training.recipes.paper_b.moe import FixedWeights, Level, LevelRouter, MoeModule

OUTPUT_SCALES = (1, 2, 4)


class MoeRestoration(NamedTuple):
    """The unclamped restored image, the experts' weights, and restored images at 1/2 and 1/4 size if requested.

    `clear_B`: the logit of p(clear), only with the clear route.
    """

    restored_B3HW: Tensor
    gates_BG: Tensor
    coarser: tuple[Tensor, ...]
    clear_B: Tensor | None = None

    @property
    def scales(self) -> tuple[Tensor, ...]:
        """All restored images, the largest first, for the multi-scale losses (section 3.4)."""
        return (self.restored_B3HW, *self.coarser)


class MoeWirNet(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of `config.stride`, or ValueError -> MoeRestoration.

    The fourth encoder level is the bottleneck. The refinement modules have the decoder's routing. The paper does not
    say how it makes the three scales of section 3.4; here each decoder level makes one with a 3x3 convolution.
    """

    def __init__(self, config: MoeWirNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**level for level in range(LEVELS)]
        sizes = list(zip(widths, config.heads, config.blocks, strict=True))
        self.embed = nn.Conv2d(3, widths[0], 3, stride=config.stem, padding=1)
        self.clear = nn.Linear(2 * widths[0], 1) if config.clear_route else None
        self.encoder = nn.ModuleList(Level(*size, config, config.encoder) for size in sizes)
        self.down = nn.ModuleList(downsampling(width) for width in widths[:-1])
        self.up = nn.ModuleList(upsampling(width) for width in widths[1:])
        self.join = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.decoder = nn.ModuleList(Level(*size, config, config.decoder) for size in sizes[:-1])
        self.refinement = Level(widths[0], config.heads[0], config.refinement_blocks, config, config.decoder)
        self.heads = nn.ModuleList(residual_head(width, config.stem) for width in widths[:-1])

    def forward(self, image_B3HW: Tensor, coarser: bool = False) -> MoeRestoration:
        check_size("MOE-WIRNet", image_B3HW, self.config.stride)
        x = self.embed(image_B3HW)
        clear_B = None if self.clear is None else self.clear(pooled_statistics(x))[:, 0]
        skips, gates = [], []
        for level, encode in enumerate(self.encoder):
            x, weights = encode(self.down[level - 1](x) if level else x)
            skips.append(x)
            gates.append(weights)
        outputs = []
        for level in reversed(range(LEVELS - 1)):
            x = self.join[level](torch.cat([self.up[level](x), skips[level]], dim=1))
            x, weights = self.decoder[level](x)
            gates.append(weights)
            if coarser and level:
                outputs.append(self._output(image_B3HW, x, level, clear_B))
        x, weights = self.refinement(x)
        gates.append(weights)
        restored = self._output(image_B3HW, x, 0, clear_B)
        return MoeRestoration(restored, torch.cat(gates, dim=1), tuple(reversed(outputs)), clear_B)

    def _output(self, image_B3HW: Tensor, x_BCHW: Tensor, level: int, clear_B: Tensor | None) -> Tensor:
        """Global residual learning (section 3.1); at 1/2 and 1/4 size it adds to the averaged image.

        On the clear route, Ir = Id + (1 - p(clear)) * residual; p learns from its own loss alone.
        """
        image = F.avg_pool2d(image_B3HW, OUTPUT_SCALES[level]) if level else image_B3HW
        residual: Tensor = self.heads[level](x_BCHW)
        if clear_B is not None:
            residual = (1 - clear_B.detach().sigmoid())[:, None, None, None] * residual
        return image + residual

    @property
    def gate_parameters(self) -> tuple[nn.Parameter, ...]:
        """The weights that the routers learn."""
        return tuple(p for level in self.routed_levels.values() for p in level.router.parameters())

    @property
    def routed_levels(self) -> dict[str, Level]:
        """Every routed level by its name, in the order of computation."""
        named = {f"encoder{level + 1}": self.encoder[level] for level in range(LEVELS)}
        named |= {f"decoder{level + 1}": self.decoder[level] for level in reversed(range(LEVELS - 1))}
        named["refinement"] = self.refinement
        return {name: cast(Level, level) for name, level in named.items()}

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the columns of `gates_BG`, such as `encoder1.channel`."""
        return tuple(f"{level}.{expert}" for level in self.routed_levels for expert in self.config.experts)


def residual_head(width: int, stem: int) -> nn.Module:
    """The last convolution, with small initial weights so that training starts near the identity.

    After a stem of stride 2, pixel shuffle brings it to the size of its image.
    """
    head = nn.Conv2d(width, 3 * stem**2, 3, padding=1)
    with torch.no_grad():
        head.weight.mul_(0.1)
        if head.bias is not None:
            head.bias.zero_()
    return head if stem == 1 else nn.Sequential(head, nn.PixelShuffle(stem))


@torch.no_grad()
def pruned(net: MoeWirNet) -> MoeWirNet:
    """A smaller copy with the same restored image and gates.

    Learned gates are constants after training, so the copy omits experts to which hard routing gives no weight
    (METHODS, B7). Gates that see the image, and soft gates, keep all experts. The copy has no coarser outputs.
    """
    net = copy.deepcopy(net)
    for level in net.routed_levels.values():
        _prune(level)
    net.heads = nn.ModuleList(net.heads[:1])
    return net


def _prune(level: Level) -> None:
    if not isinstance(level.router, LevelRouter) or not level.router.constant:
        return
    like = next(level.parameters(), torch.zeros(()))
    weights_E = level.router(like.new_zeros(1, 1, 1, 1))[0].clone()
    level.router = FixedWeights(weights_E)
    for block in level.blocks:
        assert isinstance(block, MoeModule)
        block.keep(weights_E.nonzero().flatten().tolist())
