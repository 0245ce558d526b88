"""The router: small view and shallow features -> weather posterior, severities, novelty, the encoder experts' gates.

A reconstruction of paper C's shallow-feature MoE; only its abstract is public. The trunk's small view shows veils and
light, the shallow features streaks and flakes, which are too fine for it. Each weather has an attention over the grid's
cells, so that fog far away counts although a dark bonnet is near. The encoder's gates are soft (paper B, section
3.2); the posterior mixes the decoder's experts.

Shape legend: B batch, C channels, S channels of the shallow features, G cells of the grid, K weathers, E experts.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.street_net.levels import GRID


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
    """Trunk features [B, C, *GRID] and shallow ones [B, S, H/4, W/4] -> StreetRouting of K weathers and E experts."""

    def __init__(self, width: int, shallow: int, weathers: int, experts: int) -> None:
        super().__init__()
        self.texture = nn.Conv2d(shallow, width, 1)
        self.evidence = nn.Conv2d(width, weathers, 1)
        self.attention = nn.Conv2d(width, weathers, 1)
        self.severity = nn.Linear(width, weathers)
        self.novelty = nn.Sequential(nn.Linear(2 * width, 32), nn.ReLU(), nn.Linear(32, 1))
        self.encoder8 = nn.Linear(width, experts)
        self.encoder16 = nn.Linear(width, experts)

    def forward(self, trunk_BCG: Tensor, shallow_BShw: Tensor) -> StreetRouting:
        energy_BSG = F.interpolate(_energy(shallow_BShw), size=GRID, mode="bilinear", align_corners=False)
        features_BCG = trunk_BCG + self.texture(energy_BSG)
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


def _energy(shallow_BShw: Tensor) -> Tensor:
    """The mean size of the shallow features around every fourth place, [B, S, h/4, w/4]; windows overlap by half."""
    return F.avg_pool2d(shallow_BShw.abs(), 8, stride=4, padding=2, count_include_pad=False)
