"""The levels: a coarse grid of gains and offsets from a small view of the frame undoes veil, exposure and cast.

After HDRNet (Gharbi et al., SIGGRAPH 2017): a trunk sees the frame at VIEW and gives each colour a gain and an offset
by cell and brightness (a bilateral grid): the tones, which the frame gets at full size. No part is from papers A, B or
C.

Shape legend: B batch, C channels, H height, W width, h, w a quarter of them, D bins of brightness, G cells of the grid,
M = 6 D maps.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, ResidualBlock, upsample

VIEW = (72, 128)
"""Rows and columns of the small view."""

GRID = (9, 16)
"""Cells of the grid, an eighth of the view."""

DILATIONS = (1, 2, 4)
"""Of the trunk's blocks: the last one's kernels reach over most of the grid."""


class Trunk(nn.Module):
    """Image at 1/4 of its size [B, 3, h, w], 0..1 -> features [B, width, *GRID] of the whole frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(3, width // 4, stride=2),
            ConvNormAct(width // 4, width // 2, stride=2),
            ConvNormAct(width // 2, width, stride=2),
            *(ResidualBlock(width, dilation) for dilation in DILATIONS),
        )
        self.context = nn.Linear(width, width)

    def forward(self, quarter_B3hw: Tensor) -> Tensor:
        x = self.features(F.interpolate(quarter_B3hw, size=VIEW, mode="bilinear", align_corners=False))
        return F.relu(x + self.context(x.mean(dim=(2, 3)))[:, :, None, None])


class Levels(nn.Module):
    """Trunk features and the image at 1/4 of its size [B, 3, h, w] -> tones [B, 6, h, w] (see `toned`).

    The grid has tones for each cell and each of `bins` steps of brightness, and blends neighbours.
    """

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.grid = nn.Conv2d(width, bins * 6, 1)
        self.guide = nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.grid.weight.mul_(0.1)  # training starts near the identity
            self.grid.bias.zero_()  # type: ignore[union-attr]  # a convolution with a bias
            self.guide.weight.fill_(1 / 3)
            self.guide.bias.zero_()  # type: ignore[union-attr]

    def forward(self, features_BCG: Tensor, quarter_B3hw: Tensor) -> Tensor:
        maps = F.interpolate(self.grid(features_BCG), size=quarter_B3hw.shape[2:], mode="bilinear", align_corners=False)
        place = self.guide(quarter_B3hw).clamp(0, 1) * (self.bins - 1)
        return sum_of_bins(maps, place, self.bins)


def toned(image_B3HW: Tensor, tones_B6hw: Tensor) -> Tensor:
    """The image [B, 3, 4h, 4w] plus gain times image plus offset, not clamped; tones are the gains, then the offsets.

    They vary smoothly with place; zeros are the identity.
    """
    gain, offset = tones_B6hw.chunk(2, dim=1)
    return image_B3HW + image_B3HW * upsample(gain, 4) + upsample(offset, 4)


def sum_of_bins(maps_BMhw: Tensor, place_B1hw: Tensor, bins: int) -> Tensor:
    """Interpolates linearly between the bins' maps [B, 6 D, h, w] at the brightness 0..D-1; returns [B, 6, h, w]."""
    parts = maps_BMhw.chunk(bins, dim=1)
    weighted = [part * (1 - (place_B1hw - index).abs()).clamp(min=0) for index, part in enumerate(parts)]
    total = weighted[0]
    for part in weighted[1:]:
        total = total + part
    return total
