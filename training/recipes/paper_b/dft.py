"""The two-dimensional Fourier transform of small real patches as real matrix products, without complex numbers.

Shape legend: P side of a patch, N = P * P its pixels (row by row), S real numbers of its spectrum: N/2 + P real parts,
then N/2 + P imaginary parts.
"""

import math

import torch
from torch import Tensor


def analysis(side: int) -> Tensor:
    """The matrix [N, S] with pixels @ analysis = the orthonormal spectrum of a real patch, real parts first.

    It equals torch.fft.rfft2(norm="ortho"): only columns 0 to P/2 of the spectrum, because the others are their
    conjugates.
    """
    angle = _angles_NF(side)
    return torch.cat([angle.cos(), -angle.sin()], dim=1).div(side).float()


def synthesis(side: int) -> Tensor:
    """The inverse matrix [S, N]: spectrum @ synthesis = the patch, as in torch.fft.irfft2(norm="ortho")."""
    column = torch.arange(side // 2 + 1)
    twice = torch.where((column == 0) | (column == side // 2), 1.0, 2.0).repeat(side)  # a column and its conjugate
    angle = _angles_NF(side)
    return torch.cat([angle.cos() * twice, -angle.sin() * twice], dim=1).div(side).t().contiguous().float()


def _angles_NF(side: int) -> Tensor:
    place = torch.arange(side, dtype=torch.float64)
    half = place[: side // 2 + 1]
    rows = place[:, None, None, None] * place[None, None, :, None]
    columns = place[None, :, None, None] * half[None, None, None, :]
    return (2 * math.pi / side * (rows + columns)).reshape(side * side, side * (side // 2 + 1))
