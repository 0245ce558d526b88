"""Measures the conflict of the tasks' gradients: the share of pairs that point in opposing directions.

Shape legend: T tasks, P parameters that the tasks share.
"""

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Cosines within this distance of zero do not count as negative."""


def gram(grad_TP: Tensor) -> Tensor:
    """Inner products of all pairs of gradients, [T, T]; they hold all lengths and angles."""
    return grad_TP @ grad_TP.T


def conflict(gram_TT: Tensor) -> Tensor:
    """The share of pairs with a negative cosine, 0..1, among tasks with a gradient; 0 if there is no pair."""
    norm_T = gram_TT.diagonal().clamp(min=0).sqrt()
    lengths_TT = torch.outer(norm_T, norm_T)
    pairs_TT = torch.triu(lengths_TT > 0, diagonal=1)
    return ((gram_TT < -ROUNDING * lengths_TT) & pairs_TT).sum() / pairs_TT.sum().clamp(min=1)
