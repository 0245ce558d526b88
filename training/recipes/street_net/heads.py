"""A compact EGSyn restores the frame on shared features (paper A, section 3.3): particles first, then the light.

Deviations from paper A: it sees Id as features of the shared encoder, and no mask: the mask comes from a second look at
the restored frame. The posterior mixes its decoder's experts (paper B, section 3.2), which are changes of one shared
kernel (paper C shares channels between weathers; this is ours). Its residual is in the order in which weather is made:
drops, flakes and streaks are in front of the veil, so the detail is added before the tones undo veil, exposure and
cast.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureConv, upsample
from training.models.pyramid import Features


class Change(NamedTuple):
    """The changes of a frame: detail [B, 3, H, W] to add, then tones [B, 6, H/4, W/4] to apply."""

    detail_B3HW: Tensor
    tones_B6hw: Tensor


class LightEGSyn(nn.Module):
    """Features and gates [B, K] -> Change; its tones correct those of the levels."""

    def __init__(self, width4: int, width8: int, width16: int, experts: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.join8 = ConvNormAct(width8, width8)
        self.experts8 = MixtureConv(width8, width8, experts, shared=True)
        self.up = nn.Conv2d(width8, width4, 1)
        self.join4 = nn.Conv2d(width4, width4, 3, padding=1)
        self.detail = MixtureConv(width4, 48, experts, shared=True)
        self.tones = nn.Conv2d(width4, 6, 1)
        with torch.no_grad():
            self.detail.kernels_EP.mul_(0.1)  # training starts near the identity
            self.tones.weight.mul_(0.1)

    def forward(self, features: Features, gate_BK: Tensor) -> Change:
        x8 = self.join8(features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2))
        x8 = F.relu(x8 + self.experts8(x8, gate_BK))
        x4 = F.relu(features.x4_BCHW + upsample(self.up(x8), 2))
        x4 = F.relu(x4 + self.join4(x4))
        return Change(F.pixel_shuffle(self.detail(x4, gate_BK), 4), self.tones(x4))
