"""Converts segmentations for the networks: class probabilities at the image's size, undecided at void pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F


def one_hot(labels_BHW: Tensor, classes: int, void: int) -> Tensor:
    """Class ids -> probabilities [B, K, H, W]: 1 at the class, but 1/K for every class if the label is `void`.

    Raises ValueError for an id that is neither a class nor void.
    """
    known = labels_BHW != void
    outside = known & ((labels_BHW < 0) | (labels_BHW >= classes))
    if outside.any():
        raise ValueError(f"label {int(labels_BHW[outside][0])} is out of range: {classes} classes, void is {void}")
    encoded = F.one_hot(torch.where(known, labels_BHW, 0).long(), classes).movedim(-1, 1).float()
    return undecided_at_void(encoded, labels_BHW, void)


def undecided_at_void(probabilities_BKHW: Tensor, labels_BHW: Tensor, void: int) -> Tensor:
    """The same probabilities, but 1/K for every class at pixels with the label `void`.

    Real and fake maps must be undecided at the same pixels, or D1 would tell them apart by the void pixels.
    """
    undecided = 1 / probabilities_BKHW.shape[1]
    return torch.where((labels_BHW == void)[:, None], undecided, probabilities_BKHW)


def most_probable(map_BKHW: Tensor) -> Tensor:
    """The class ids of a map of probabilities or logits, int64 [B, H, W]; on a CPU much faster than argmax."""
    return map_BKHW.max(dim=1).indices
