"""The parts of the deployable networks before the restoration: a stem, an encoder, and a compact SGAda on its features.

Deviations: the soft-routed experts are kernels of one convolution, not paper B's channel, spatial and frequency experts
(section 3.2). SGAda (paper A, section 3.2) sees Id as the encoder's features, works at 1/8 of the frame's size, ends at
1/4 and learns only from cross-entropy.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureBlock, ResidualBlock, upsample

HIDDEN8, HIDDEN4 = 48, 32


class Features(NamedTuple):
    """The frame's features at 1/4, 1/8 and 1/16 of its size."""

    x4_BCHW: Tensor
    x8_BCHW: Tensor
    x16_BCHW: Tensor


class Stem(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 4 -> shallow features F0 [B, width, H/4, W/4] (paper B, 3.2).

    A 4x4 convolution of stride 4 equals pixel-unshuffle x4 and a 1x1 convolution, at a fraction of the cost. With 48 or
    more channels it can keep all information of the frame.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unshuffle = nn.Conv2d(3, width, 4, stride=4)
        self.refine = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        patches = self.unshuffle(image_B3HW)
        return patches + self.refine(F.relu(patches))


class Encoder(nn.Module):
    """F0 [B, width4, H/4, W/4] and the experts' gates [B, E] at 1/8 and 1/16, rows sum to one -> Features."""

    def __init__(self, width4: int, width8: int, width16: int, experts: int) -> None:
        super().__init__()
        self.down8 = ConvNormAct(width4, width8, stride=2)
        self.block8 = MixtureBlock(width8, experts)
        self.down16 = ConvNormAct(width8, width16, stride=2)
        self.block16 = MixtureBlock(width16, experts)

    def forward(self, shallow_BCHW: Tensor, gate8_BE: Tensor, gate16_BE: Tensor) -> Features:
        x8 = self.block8(self.down8(shallow_BCHW), gate8_BE)
        x16 = self.block16(self.down16(x8), gate16_BE)
        return Features(shallow_BCHW, x8, x16)


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
