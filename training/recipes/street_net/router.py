"""The router: the trunk's features -> weather posterior, severities, novelty and the encoder experts' gates.

A reconstruction of paper C's shallow-feature MoE; only its abstract is public. Each weather has an attention over the
grid's cells, so that fog far away counts although a dark bonnet is near. The encoder's gates are soft (paper B, section
3.2); the posterior mixes the decoder's experts.

Shape legend: B batch, C channels, G cells of the grid, K weathers, E experts.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class StreetRouting(NamedTuple):
    """The routing of a batch; rows of the posterior and of every gate sum to one, severities are 0..1.

    `novelty_B1`: the logit that the frame shows no street.
    """

    logits_BK: Tensor
    weather_BK: Tensor
    severity_BK: Tensor
    novelty_B1: Tensor
    encoder8_BE: Tensor
    encoder16_BE: Tensor


class StreetRouter(nn.Module):
    """The trunk's features [B, C, *GRID] -> StreetRouting over K weathers, and over E encoder experts per level."""

    def __init__(self, width: int, weathers: int, experts: int) -> None:
        super().__init__()
        self.evidence = nn.Conv2d(width, weathers, 1)
        self.attention = nn.Conv2d(width, weathers, 1)
        self.severity = nn.Linear(width, weathers)
        self.novelty = nn.Sequential(nn.Linear(2 * width, 32), nn.ReLU(), nn.Linear(32, 1))
        self.encoder8 = nn.Linear(width, experts)
        self.encoder16 = nn.Linear(width, experts)

    def forward(self, features_BCG: Tensor) -> StreetRouting:
        evidence = self.evidence(features_BCG).flatten(2)
        attention = self.attention(features_BCG).flatten(2).softmax(dim=2)
        logits = (evidence * attention).sum(dim=2)
        mean = features_BCG.mean(dim=(2, 3))
        spread = (features_BCG - mean[:, :, None, None]).abs().mean(dim=(2, 3))
        return StreetRouting(
            logits,
            logits.softmax(dim=1),
            self.severity(mean).sigmoid(),
            self.novelty(torch.cat([mean, spread], dim=1)),
            self.encoder8(mean).softmax(dim=1),
            self.encoder16(mean).softmax(dim=1),
        )
