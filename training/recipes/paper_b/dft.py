"""The two-dimensional Fourier transform of small real patches as fixed real matrix products: no complex numbers.

Shape legend: N pixels of a patch (row by row), S real numbers of its spectrum: N/2 + P real parts, as many imaginary.
"""

import math

import torch
from torch import Tensor


def analysis(side: int) -> Tensor:
    """[N, S] such that pixels @ analysis is the orthonormal spectrum of a real patch, real parts first.

    As torch.fft.rfft2(norm="ortho"): columns 0 to P/2 of the spectrum alone, the others being their conjugates.
    """
    angle = _angles_NF(side)
    return torch.cat([angle.cos(), -angle.sin()], dim=1).div(side).float()


def synthesis(side: int) -> Tensor:
    """[S, N], the inverse: spectrum @ synthesis is the patch, as torch.fft.irfft2(norm="ortho")."""
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
