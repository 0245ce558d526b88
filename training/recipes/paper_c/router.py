"""The shallow-feature router recognises the weather and weighs the score experts (paper C, abstract).

It is a reconstruction: only the abstract is public, which calls the mixture of experts "shallow-feature-based". The
posterior over weathers learns from the weather labels; validation data determine its temperature afterwards.

Shape legend: B batch, C channels, H height, W width, E score experts, K weathers.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import pooled_statistics


class MuirfRouting(NamedTuple):
    """Logits and calibrated probabilities of the weathers, and weights of the score experts; their rows sum to one."""

    logits_BK: Tensor
    weather_BK: Tensor
    gate_BE: Tensor


class ShallowRouter(nn.Module):
    """Shallow features F0 [B, C, H, W] -> MuirfRouting, from means and deviations over the frame.

    The router takes these statistics of F0 and of the outputs of two convolutions. It has no normalisation layers: they
    would remove the brightness and contrast that reveal the weather, and make the images of a batch depend on each
    other.
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

    Fog scales the contrast down, rain and snow increase it; on a logarithmic scale both are shifts.
    """
    mean_BC, deviation_BC = pooled_statistics(x_BCHW).chunk(2, dim=1)
    return torch.cat([mean_BC, deviation_BC.log()], dim=1)
