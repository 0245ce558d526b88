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

from training.models.layers import MixtureConv, SignedBlock, upsample
from training.models.pyramid import Features


class Change(NamedTuple):
    """The changes of a frame: detail [B, 3, H, W] to add, then tones [B, 6, H/4, W/4] to apply."""

    detail_B3HW: Tensor
    tones_B6hw: Tensor


class FineStem(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 4 -> shallow features F0 [B, width, H/4, W/4] (paper B, 3.2).

    With 48 or more channels, which keep their signs, it can keep all information of the frame.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unshuffle = nn.Conv2d(3, width, 4, stride=4)
        self.block = SignedBlock(width)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return self.block(self.unshuffle(image_B3HW))


class LightEGSyn(nn.Module):
    """Features and gates [B, K] -> Change; its tones correct those of the levels.

    The experts are at 1/8 of the frame's size. At 1/4, features keep their signs: a ReLU on them hid most of a streak.
    """

    def __init__(self, width4: int, width8: int, width16: int, experts: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.experts8 = MixtureConv(width8, width8, experts, shared=True)
        self.up = nn.Conv2d(width8, width4, 1)
        self.block4 = SignedBlock(width4)
        self.detail = nn.Conv2d(width4, 48, 1)
        self.tones = nn.Conv2d(width4, 6, 1)
        with torch.no_grad():
            self.detail.weight.mul_(0.1)  # training starts near the identity
            self.tones.weight.mul_(0.1)

    def forward(self, features: Features, gate_BK: Tensor) -> Change:
        x8 = features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2)
        x8 = F.relu(x8 + self.experts8(x8, gate_BK))
        x4 = self.block4(features.x4_BCHW + upsample(self.up(x8), 2))
        return Change(F.pixel_shuffle(self.detail(x4), 4), self.tones(x4))
