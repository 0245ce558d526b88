"""The router: small view and texture -> weather posterior, severities, novelty, the encoder experts' gates.

A reconstruction of paper C's shallow-feature MoE; only its abstract is public. The trunk's small view shows veils and
light, the texture streaks and flakes, which are too fine for it. Each weather has an attention over the grid's cells,
so that fog far away counts although a dark bonnet is near. The encoder's gates are soft (paper B, section 3.2); the
posterior mixes the decoder's experts.

Shape legend: B batch, C channels, S statistics of the texture, G cells of the grid, K weathers, E experts.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.models.layers import ConvNormAct
from training.recipes.street_net.texture import STATISTICS


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
    """Trunk features [B, C, *GRID] and texture [B, STATISTICS, *GRID] -> StreetRouting of K weathers and E experts."""

    def __init__(self, width: int, weathers: int, experts: int) -> None:
        super().__init__()
        self.cells = nn.Sequential(ConvNormAct(width + STATISTICS, width, 1), ConvNormAct(width, width))
        self.evidence = nn.Conv2d(width, weathers, 1)
        self.attention = nn.Conv2d(width, weathers, 1)
        self.frame = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())
        self.weather = nn.Linear(width, weathers)
        self.severity = nn.Linear(width, weathers)
        self.novelty = nn.Linear(width, 1)
        self.encoder8 = nn.Linear(width, experts)
        self.encoder16 = nn.Linear(width, experts)

    @torch.no_grad()
    def scale_logits(self, factor: float) -> None:
        """Multiply the weather logits by a positive factor; above 1, the posterior becomes surer."""
        for layer in (self.evidence, self.weather):
            for parameter in layer.parameters():
                parameter.mul_(factor)

    def forward(self, trunk_BCG: Tensor, texture_BSG: Tensor) -> StreetRouting:
        cells_BCG = self.cells(torch.cat([trunk_BCG, texture_BSG], dim=1))
        attention = self.attention(cells_BCG).flatten(2).softmax(dim=2)
        evidence = (self.evidence(cells_BCG).flatten(2) * attention).sum(dim=2)
        mean = cells_BCG.mean(dim=(2, 3))
        spread = (cells_BCG - mean[:, :, None, None]).abs().mean(dim=(2, 3))
        frame = self.frame(torch.cat([mean, spread], dim=1))
        logits = evidence + self.weather(frame)
        return StreetRouting(
            logits,
            logits.softmax(dim=1),
            self.severity(frame).sigmoid(),
            self.novelty(frame),
            self.encoder8(frame).softmax(dim=1),
            self.encoder16(frame).softmax(dim=1),
        )
