"""Two heads on shared features: a compact SGAda refines the mask, a compact EGSyn restores (paper A, 3.2 and 3.3).

Deviations from paper A: both heads see Id as features of the shared encoder. SGAda works at 1/8 of the frame's size,
ends at 1/4 and learns only from cross-entropy. The weather hard-routes EGSyn's decoder experts (paper B, section 3.2),
and EGSyn's residual is Id * gain + detail. Weather is an affine function of the clear image (Koschmieder's law), so a
smooth gain recovers fine texture, which the detail alone would have to redraw.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureConv, ResidualBlock, upsample
from training.recipes.weather_net.encoder import Features

HIDDEN8, HIDDEN4 = 48, 32


class CompactSGAda(nn.Module):
    """Sd [B, K, H/8, W/8] (probabilities) and Features -> refined logits [B, K, H/4, W/4]."""

    def __init__(self, classes: int, width4: int, width8: int, width16: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.guide = nn.Conv2d(classes, width8, 1)
        self.join = ConvNormAct(width8, HIDDEN8)
        self.block = ResidualBlock(HIDDEN8, dilation=2)
        self.coarse = nn.Conv2d(HIDDEN8, HIDDEN4, 1)
        self.fine = nn.Conv2d(width4, HIDDEN4, 1)
        self.head = nn.Sequential(nn.ReLU(), ConvNormAct(HIDDEN4, HIDDEN4), nn.Conv2d(HIDDEN4, classes, 1))

    def forward(self, base_BKHW: Tensor, features: Features) -> Tensor:
        x8 = features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2)
        x8 = self.block(self.join(x8 + self.guide(base_BKHW)))
        return self.head(upsample(self.coarse(x8), 2) + self.fine(features.x4_BCHW))


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
