"""The texture of a frame by fixed filters: how strong edges, ridges and dots are in each cell of the grid.

Streaks, flakes, drops and noise are small bright ridges and dots; a veil weakens every edge. Filters that a network
would have to find first are given to it: after the scattering transform (Bruna and Mallat, PAMI 2013), fixed
derivatives, their size, and its mean over a cell, on a logarithmic scale. No part is from papers A, B or C. On the
training's examples a router on them needs a tenth of the steps of one that learns its filters.

Shape legend: B batch, H height, W width, h, w those of a smaller map, G cells of the grid.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import upsample
from training.recipes.street_net.levels import GRID

EDGES = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Steps (rows, columns) to the neighbour that an edge filter compares with."""

STATISTICS = 82
"""Channels of Texture's output."""

LEAST = 2e-3
"""Added to a strength (0..1) before its logarithm: half a level of 255."""


class Texture(nn.Module):
    """Image [B, 3, H, W] and itself at 1/4 of its size, 0..1 -> statistics [B, STATISTICS, *GRID]; nothing is trained.

    Brightness, extremes of the colours and their difference by cell; the mean and the mean square of the strength of
    edges, and of bright and dark ridges and dots, at full size and, the mean alone, at a quarter of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edges = nn.Buffer(_edges(), persistent=False)
        self.dots = nn.Buffer(_dots(), persistent=False)

    def forward(self, image_B3HW: Tensor, quarter_B3hw: Tensor) -> Tensor:
        grey = quarter_B3hw.mean(dim=1, keepdim=True)
        least, most = quarter_B3hw.amin(dim=1, keepdim=True), quarter_B3hw.amax(dim=1, keepdim=True)
        colours = torch.cat([grey, least, most, most - least], dim=1)
        mean = F.avg_pool2d(colours, 4)
        spread = (F.avg_pool2d(colours * colours, 4) - mean * mean).clamp(min=0).sqrt()
        extremes = torch.cat([-F.max_pool2d(-least, 4), F.max_pool2d(most, 4)], dim=1)
        # Without its local mean, a half-precision convolution keeps all digits of a weak texture.
        local = upsample(grey, 4)
        fine = self._strengths(image_B3HW.mean(dim=1, keepdim=True) - local, 2)
        coarse = self._strengths(grey - F.avg_pool2d(grey, 5, stride=1, padding=2, count_include_pad=False), 1)
        strong = torch.cat([F.avg_pool2d(part, 8) for part in fine], dim=1)
        squared = torch.cat([F.avg_pool2d(part * part, 8) for part in fine], dim=1)
        strong_coarse = torch.cat([F.avg_pool2d(part, 4) for part in coarse], dim=1)
        maps = [mean, spread, extremes, _level(strong), _level(squared.sqrt()), _level(strong_coarse)]
        return torch.cat([_cells(part) for part in maps], dim=1)

    def _strengths(self, high_B1hw: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        """The size of every filter's answer: of edges, and of bright and of dark ridges and dots."""
        edges = F.conv2d(high_B1hw, self.edges, stride=stride, padding=2).float()
        dots = F.conv2d(high_B1hw, self.dots, stride=stride, padding=2).float()
        return edges.abs(), dots.clamp(min=0), (-dots).clamp(min=0)


def _edges() -> Tensor:
    """Edges to the right, down and on both diagonals."""
    return torch.stack([_points({(0, 0): -1.0, step: 1.0}) for step in EDGES])[:, None]


def _dots() -> Tensor:
    """Ridges across EDGES at two widths; a dot of 1 and one of 3x3."""
    filters = []
    for width in (1, 2):
        for rows, columns in EDGES:
            ahead, behind = (width * rows, width * columns), (-width * rows, -width * columns)
            filters.append(_points({(0, 0): 1.0, ahead: -0.5, behind: -0.5}))
    filters.append(_points({(0, 0): 1.0, (0, 1): -0.25, (1, 0): -0.25, (0, -1): -0.25, (-1, 0): -0.25}))
    dot = torch.full((5, 5), -1 / 16)
    dot[1:4, 1:4] = 1 / 9
    return torch.stack([*filters, dot])[:, None]


def _points(weights: dict[tuple[int, int], float]) -> Tensor:
    """A 5x5 filter with the weights at (row, column) from its centre."""
    filter_55 = torch.zeros(5, 5)
    for (row, column), weight in weights.items():
        filter_55[2 + row, 2 + column] = weight
    return filter_55


def _level(strength_BChw: Tensor) -> Tensor:
    """The logarithm of a strength 0..1, about -1.5 to 2.5."""
    return ((strength_BChw + LEAST).log() + 4) / 1.5


def _cells(maps_BChw: Tensor) -> Tensor:
    """The mean over each cell of the grid, for any size of map."""
    twice = (2 * GRID[0], 2 * GRID[1])
    return F.avg_pool2d(F.interpolate(maps_BChw, size=twice, mode="bilinear", align_corners=False), 2)
