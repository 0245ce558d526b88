"""A compact EGSyn that restores the frame on shared features (paper A, section 3.3), particles at half the size.

Deviations from paper A: it sees Id as features of the shared encoder, and no mask: the mask comes from a second look at
the restored frame. The posterior mixes its decoder's experts (paper B, section 3.2). Streaks, flakes and drops are
found and filled in at half the frame's size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureConv, upsample
from training.models.pyramid import Features


class ParticleEGSyn(nn.Module):
    """Levelled image [B, 3, H, W], Features, gates [B, K] -> restored image [B, 3, H, W], not clamped.

    It finds a smooth gain at 1/4 of the frame's size; then, at 1/2, the opacity of the particles, their replacement and
    a residual.
    """

    def __init__(self, width4: int, width8: int, width16: int, width2: int, experts: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.join8 = ConvNormAct(width8, width8)
        self.experts8 = MixtureConv(width8, width8, experts)
        self.up = nn.Conv2d(width8, width4, 1)
        self.join4 = nn.Conv2d(width4, width4, 3, padding=1)
        self.gain = nn.Conv2d(width4, 3, 1)
        self.context = nn.Conv2d(width4, width2, 1)
        self.fine = nn.Conv2d(12, width2, 3, padding=1)
        self.experts2 = MixtureConv(width2, width2, experts)
        self.join2 = nn.Conv2d(width2, width2, 3, padding=1)
        self.particles = nn.Conv2d(width2, 28, 3, padding=1)
        with torch.no_grad():
            for part in (self.particles, self.gain):
                part.weight.mul_(0.1)  # training starts near the identity
            self.particles.bias[24:] = -2.0  # type: ignore[index]  # and without particles

    def forward(self, image_B3HW: Tensor, features: Features, gate_BK: Tensor) -> Tensor:
        x8 = self.join8(features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2))
        x8 = F.relu(x8 + self.experts8(x8, gate_BK))
        x4 = F.relu(features.x4_BCHW + upsample(self.up(x8), 2))
        x4 = F.relu(x4 + self.join4(x4))
        image = image_B3HW + image_B3HW * upsample(self.gain(x4), 4)
        x2 = F.relu(self.fine(F.pixel_unshuffle(image, 2)) + upsample(self.context(x4), 2))
        x2 = F.relu(x2 + self.experts2(x2, gate_BK))
        x2 = F.relu(x2 + self.join2(x2))
        found = self.particles(x2)
        fill, residual = F.pixel_shuffle(found[:, :12], 2), F.pixel_shuffle(found[:, 12:24], 2)
        opacity = F.pixel_shuffle(found[:, 24:], 2).sigmoid()
        background = upsample(F.avg_pool2d(image, 4), 4) + fill
        return image + opacity * (background - image) + residual
