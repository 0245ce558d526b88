"""The base segmenter: a small network for normal conditions only ("original segmentation", paper A, section 4.1).

It represents the perception stack that a robot has today; SGAda refines its mask in bad weather.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from training.models.layers import ConvNormAct, ResidualBlock, upsample


@dataclass(frozen=True)
class BaseConfig:
    """The number of classes, and of channels at a quarter, an eighth and a sixteenth of the frame's size."""

    classes: int = 11
    widths: tuple[int, int, int] = (32, 48, 80)


class BaseSegmenter(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 16 -> class logits [B, K, H/8, W/8]."""

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.config = config
        classes, (width4, width8, width16) = config.classes, config.widths
        self.stem = ConvNormAct(3, width4, kernel=4, stride=4)
        self.stage8 = nn.Sequential(ConvNormAct(width4, width8, stride=2), ResidualBlock(width8))
        self.stage16 = nn.Sequential(
            ConvNormAct(width8, width16, stride=2),
            ResidualBlock(width16, dilation=2),
            ResidualBlock(width16, dilation=4),
        )
        self.context = nn.Linear(width16, width16)
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.head = nn.Sequential(ConvNormAct(width8, width8), nn.Conv2d(width8, classes, 1))

    def forward(self, image_B3HW: Tensor) -> Tensor:
        x8 = self.stage8(self.stem(image_B3HW))
        x16 = self.stage16(x8)
        context = self.context(x16.mean(dim=(2, 3)))[:, :, None, None]
        return self.head(x8 + upsample(self.lateral(x16 + context), 2))


Net = TypeVar("Net", bound="OnBaseSegmenter")


class OnBaseSegmenter(nn.Module):
    """A network with a base segmenter of its own, which learns from clear frames alone (paper A, section 4.1)."""

    segmenter: BaseSegmenter

    @torch.no_grad()
    def base(self, image_B3HW: Tensor) -> Tensor:
        """The base segmenter's logits at H/8 x W/8, without gradients."""
        return self.segmenter(image_B3HW)

    def train(self: Net, mode: bool = True) -> Net:
        """Set the mode of all but the base segmenter, whose running statistics must not see weather."""
        super().train(mode)
        self.segmenter.eval()
        return self
