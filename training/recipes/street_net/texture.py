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

from training.recipes.street_net.levels import GRID

EDGES = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Steps (rows, columns) to the neighbour that an edge filter compares with."""

STATISTICS = 82
"""Channels of Texture's output."""

LEAST = 2e-3
"""Added to a strength (0..1) before its logarithm: half a level of 255."""


class Texture(nn.Module):
    """Image [B, 3, H, W], 0..1 -> statistics [B, STATISTICS, *GRID]; nothing in it is trained.

    Brightness, extremes of the colours and their difference by cell; the mean and the mean square of the strength of
    edges, and of bright and dark ridges and dots, at full size and, the mean alone, at a quarter of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Buffer(_filters(), persistent=False)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        grey = image_B3HW.mean(dim=1, keepdim=True)
        least, most = image_B3HW.amin(dim=1, keepdim=True), image_B3HW.amax(dim=1, keepdim=True)
        colours = torch.cat([grey, least, most, most - least], dim=1)
        mean = F.avg_pool2d(colours, 16)
        spread = (F.avg_pool2d(colours * colours, 16) - mean * mean).clamp(min=0).sqrt()
        extremes = torch.cat([-F.max_pool2d(-least, 16), F.max_pool2d(most, 16)], dim=1)
        fine = self._strength(grey, 2)
        coarse = self._strength(F.avg_pool2d(grey, 4), 1)
        maps = [mean, spread, extremes, _level(F.avg_pool2d(fine, 8)), _level(F.avg_pool2d(fine * fine, 8).sqrt())]
        return torch.cat([*map(_cells, maps), _cells(_level(F.avg_pool2d(coarse, 4)))], dim=1)

    def _strength(self, grey_B1hw: Tensor, stride: int) -> Tensor:
        """The size of every filter's answer, bright and dark apart for ridges and dots."""
        # Without its local mean, a half-precision convolution keeps all digits of a weak texture.
        high = grey_B1hw - F.avg_pool2d(grey_B1hw, 5, stride=1, padding=2, count_include_pad=False)
        answer = F.conv2d(high, self.filters, stride=stride, padding=2).float()
        edges, dots = answer[:, : len(EDGES)], answer[:, len(EDGES) :]
        return torch.cat([edges.abs(), dots.clamp(min=0), (-dots).clamp(min=0)], dim=1)


def _filters() -> Tensor:
    """Edges to the right, down and both diagonals; ridges across the same at two widths; a dot of 1 and one of 3x3."""
    filters = []
    for rows, columns in EDGES:
        filters.append(_points({(0, 0): -1.0, (rows, columns): 1.0}))
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
