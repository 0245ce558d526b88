"""Distances in the feature space of a pretrained network: the perceptual and the style loss (paper A, eq. 7 and 8)."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class FeatureExtractor(Protocol):
    """Image [B, 3, H, W] 0..1 -> feature maps before activation, one [B, C, h, w] a layer."""

    def __call__(self, image_B3HW: Tensor, /) -> Sequence[Tensor]: ...


def perceptual(restored_features: Sequence[Tensor], clear_features: Sequence[Tensor]) -> Tensor:
    """Mean absolute distance of the features, mean over the layers (eq. 7: the sum over i is left open there)."""
    return _mean_l1(restored_features, clear_features)


def style(restored_features: Sequence[Tensor], clear_features: Sequence[Tensor], activated: bool = False) -> Tensor:
    """Mean absolute distance of the Gram matrices, mean over the layers (eq. 8); `activated` applies ReLU first."""
    grams = [[gram(x.relu() if activated else x) for x in features] for features in (restored_features, clear_features)]
    return _mean_l1(*grams)


def gram(features_BCHW: Tensor) -> Tensor:
    """Channel correlations [B, C, C] over all positions, divided by C * H * W; float32 even under autocast."""
    with torch.autocast(features_BCHW.device.type, enabled=False):
        flat_BCP = features_BCHW.float().flatten(2)
        return flat_BCP @ flat_BCP.transpose(1, 2) / flat_BCP[0].numel()


def _mean_l1(found: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    return torch.stack([F.l1_loss(a, b) for a, b in zip(found, expected, strict=True)]).mean()
