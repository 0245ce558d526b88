"""How much the tasks' gradients conflict: the share of pairs of tasks whose gradients point apart.

Shape legend: T tasks, P parameters that the tasks share.
"""

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Cosines so near to zero have no sign."""


def gram(grad_TP: Tensor) -> Tensor:
    """Inner products of all pairs of gradients [T, T]: all that one needs to know of their lengths and angles."""
    return grad_TP @ grad_TP.T


def conflict(gram_TT: Tensor) -> Tensor:
    """The share of pairs with a negative cosine, 0..1, among tasks that have a gradient; 0 where there is no pair."""
    norm_T = gram_TT.diagonal().clamp(min=0).sqrt()
    lengths_TT = torch.outer(norm_T, norm_T)
    pairs_TT = torch.triu(lengths_TT > 0, diagonal=1)
    return ((gram_TT < -ROUNDING * lengths_TT) & pairs_TT).sum() / pairs_TT.sum().clamp(min=1)
