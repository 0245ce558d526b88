"""Segmentations as the networks take them: class probabilities at the image's size, void pixels undecided."""

import torch
from torch import Tensor
from torch.nn import functional as F


def one_hot(labels_BHW: Tensor, classes: int, void: int) -> Tensor:
    """Class ids -> probabilities [B, K, H, W]: one at the class, 1/K of every class where the label is `void`.

    Raises ValueError at an id that is neither a class nor void.
    """
    known = labels_BHW != void
    outside = known & ((labels_BHW < 0) | (labels_BHW >= classes))
    if outside.any():
        raise ValueError(f"label {int(labels_BHW[outside][0])} is out of range: {classes} classes, void is {void}")
    encoded = F.one_hot(torch.where(known, labels_BHW, 0).long(), classes).movedim(-1, 1).float()
    return undecided_at_void(encoded, labels_BHW, void)


def undecided_at_void(probabilities_BKHW: Tensor, labels_BHW: Tensor, void: int) -> Tensor:
    """The same probabilities, 1/K where the label is `void`.

    D1 must see real and fake maps undecided at the same pixels, or it would tell them apart by the void alone.
    """
    undecided = 1 / probabilities_BKHW.shape[1]
    return torch.where((labels_BHW == void)[:, None], undecided, probabilities_BKHW)


def most_probable(map_BKHW: Tensor) -> Tensor:
    """The class ids of a map of probabilities or logits, int64 [B, H, W]; on a CPU many times as fast as argmax."""
    return map_BKHW.max(dim=1).indices
