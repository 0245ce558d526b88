"""The shallow-feature router: which weather, and which score experts choose the channels (paper C, abstract).

A reconstruction: only the abstract is public, which calls the mixture of experts "shallow-feature-based". The
posterior over weathers is trained with the weather labels, and its temperature fitted on validation data afterwards.

Shape legend: B batch, C channels, H height, W width, E score experts, K weathers.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import pooled_statistics


class MuirfRouting(NamedTuple):
    """The weathers' logits and calibrated probabilities, and the score experts' weights; rows of both sum to one."""

    logits_BK: Tensor
    weather_BK: Tensor
    gate_BE: Tensor


class ShallowRouter(nn.Module):
    """Shallow features F0 [B, C, H, W] -> MuirfRouting, from means and deviations over the frame.

    They are those of F0 and of what two convolutions find in it. Without normalisation layers: they would wash out the
    brightness and the contrast by which one knows the weather, and tie the images of a batch together.
    """

    temperature: Tensor

    def __init__(self, width: int, hidden: int, weathers: int, experts: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(width, hidden, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(hidden, hidden, 3, stride=2, padding=1)
        self.trunk = nn.Sequential(nn.Linear(2 * width + 4 * hidden, 2 * hidden), nn.ReLU())
        self.weather = nn.Linear(2 * hidden, weathers)
        self.experts = nn.Linear(2 * hidden, experts)
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, shallow_BCHW: Tensor) -> MuirfRouting:
        fine = F.relu(self.fine(F.relu(shallow_BCHW)))
        coarse = F.relu(self.coarse(fine))
        hidden = self.trunk(torch.cat([statistics(x) for x in (shallow_BCHW, fine, coarse)], dim=1))
        logits = self.weather(hidden)
        return MuirfRouting(logits, (logits / self.temperature).softmax(dim=1), self.experts(hidden).softmax(dim=1))


def statistics(x_BCHW: Tensor) -> Tensor:
    """Mean and logarithm of the standard deviation of every channel over the frame, [B, 2C].

    Fog scales contrast, and rain and snow add to it: on a logarithm's scale both are steps.
    """
    mean_BC, deviation_BC = pooled_statistics(x_BCHW).chunk(2, dim=1)
    return torch.cat([mean_BC, deviation_BC.log()], dim=1)
