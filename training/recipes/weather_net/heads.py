"""A compact EGSyn on shared features restores the frame (paper A, section 3.3).

Deviations from paper A: it sees Id as features of the shared encoder. The weather hard-routes its decoder experts
(paper B, section 3.2), and its residual is Id * gain + detail. Weather is an affine function of the clear image
(Koschmieder's law), so a smooth gain recovers fine texture, which the detail alone would have to redraw.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureConv, upsample
from training.models.pyramid import Features


class CompactEGSyn(nn.Module):
    """Image [B, 3, H, W] 0..1, Features, Sr [B, K, H/4, W/4] (probabilities), gates [B, T] -> residual [B, 3, H, W]."""

    def __init__(self, classes: int, width4: int, width8: int, width16: int, experts: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.guide8 = nn.Conv2d(classes, width8, 1)
        self.join8 = ConvNormAct(width8, width8)
        self.experts8 = MixtureConv(width8, width8, experts)
        self.up = nn.Conv2d(width8, width4, 1)
        self.guide4 = nn.Conv2d(classes, width4, 1)
        self.join4 = nn.Conv2d(width4, width4, 3, padding=1)
        self.detail = MixtureConv(width4, 48, experts)
        self.gain = nn.Conv2d(width4, 3, 1)
        with torch.no_grad():
            self.detail.kernels_EP.mul_(0.1)  # training starts near the identity

    def forward(self, image_B3HW: Tensor, features: Features, refined_BKHW: Tensor, gate_BT: Tensor) -> Tensor:
        x8 = features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2)
        x8 = self.join8(x8 + self.guide8(F.avg_pool2d(refined_BKHW, 2)))
        x8 = F.relu(x8 + self.experts8(x8, gate_BT))
        x4 = F.relu(features.x4_BCHW + upsample(self.up(x8), 2) + self.guide4(refined_BKHW))
        x4 = F.relu(x4 + self.join4(x4))
        detail = F.pixel_shuffle(self.detail(x4, gate_BT), 4)
        return detail + image_B3HW * upsample(self.gain(x4), 4)
