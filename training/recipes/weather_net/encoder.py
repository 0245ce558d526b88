"""The stem: the frame -> the shallow features of router and encoder (paper B, section 3.2)."""

from torch import Tensor, nn
from torch.nn import functional as F


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
