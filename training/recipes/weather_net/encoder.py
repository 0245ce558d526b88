"""The encoder: features at 1/4, 1/8 and 1/16 of the frame's size (paper B, section 3.2).

Deviation: the soft-routed experts of this model are kernels of one convolution, not the paper's channel, spatial and
frequency experts.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import ConvNormAct, MixtureBlock
from training.recipes.weather_net.router import Routing


class Stem(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 4 -> shallow features F0 [B, width, H/4, W/4].

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


class Features(NamedTuple):
    """The frame's features at 1/4, 1/8 and 1/16 of its size."""

    x4_BCHW: Tensor
    x8_BCHW: Tensor
    x16_BCHW: Tensor


class Encoder(nn.Module):
    """F0 [B, width4, H/4, W/4] and its routing -> Features."""

    def __init__(self, width4: int, width8: int, width16: int, experts: int) -> None:
        super().__init__()
        self.down8 = ConvNormAct(width4, width8, stride=2)
        self.block8 = MixtureBlock(width8, experts)
        self.down16 = ConvNormAct(width8, width16, stride=2)
        self.block16 = MixtureBlock(width16, experts)

    def forward(self, shallow_BCHW: Tensor, routing: Routing) -> Features:
        x8 = self.block8(self.down8(shallow_BCHW), routing.encoder8_BE)
        x16 = self.block16(self.down16(x8), routing.encoder16_BE)
        return Features(shallow_BCHW, x8, x16)
