"""A plain U-Net of NAFNet blocks, the network that the deployable model is compared with at equal cost.

After Chen et al., "Simple Baselines for Image Restoration", ECCV 2022: blocks without activation functions. Deviation:
it starts and ends at half of the frame's size.

Shape legend: B batch, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import PixelNorm, check_size, downsampling, upsampling

BLOCKS, MIDDLE = (1, 1), 2
"""Blocks at each size, once on the way down and once on the way up, and at the smallest size."""


class NafBlock(nn.Module):
    """One NAFNet block, [B, C, H, W] -> the same: gated convolution with channel attention, then gated 1x1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            PixelNorm(width, eps=1e-6),
            nn.Conv2d(width, 2 * width, 1),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width),
        )
        self.attention = nn.Conv2d(width, width, 1)
        self.join = nn.Conv2d(width, width, 1)
        self.widen = nn.Sequential(PixelNorm(width, eps=1e-6), nn.Conv2d(width, 2 * width, 1))
        self.narrow = nn.Conv2d(width, width, 1)
        self.scales_2C11 = nn.Parameter(torch.zeros(2, width, 1, 1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed = simple_gate(self.mix(x_BCHW))
        mixed = mixed * self.attention(mixed.mean(dim=(2, 3), keepdim=True))
        x_BCHW = x_BCHW + self.join(mixed) * self.scales_2C11[0]
        return x_BCHW + self.narrow(simple_gate(self.widen(x_BCHW))) * self.scales_2C11[1]


def simple_gate(x_BCHW: Tensor) -> Tensor:
    """The product of the two halves of the channels, [B, C/2, H, W]."""
    left, right = x_BCHW.chunk(2, dim=1)
    return left * right


class NafUNet(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 8 -> restored image, not clamped; ValueError for other sizes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(12, width, 3, padding=1)
        widths = [width * 2**level for level in range(len(BLOCKS))]
        self.encoder = nn.ModuleList(_blocks(inside, count) for inside, count in zip(widths, BLOCKS, strict=True))
        self.down = nn.ModuleList(downsampling(inside) for inside in widths)
        self.middle = _blocks(2 * widths[-1], MIDDLE)
        self.up = nn.ModuleList(upsampling(2 * inside) for inside in reversed(widths))
        self.decoder = nn.ModuleList(_blocks(*level) for level in zip(reversed(widths), reversed(BLOCKS), strict=True))
        self.leave = nn.Conv2d(width, 12, 3, padding=1)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        check_size("nafnet", image_B3HW, 2 ** (1 + len(BLOCKS)))
        x = self.enter(F.pixel_unshuffle(image_B3HW, 2))
        skips = []
        for blocks, down in zip(self.encoder, self.down, strict=True):
            x = blocks(x)
            skips.append(x)
            x = down(x)
        x = self.middle(x)
        for up, blocks, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = blocks(up(x) + skip)
        return image_B3HW + F.pixel_shuffle(self.leave(x), 2)


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NafBlock(width) for _ in range(count)))


def nafnet() -> NafUNet:
    """The network of about the deployable model's cost without its masks: 2.2 G multiply-adds at 640x360."""
    return NafUNet(20)
