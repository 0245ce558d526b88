"""The stem: the frame before and after the levels -> the encoder's shallow features (paper B, section 3.2)."""

from torch import Tensor, nn
from torch.nn import functional as F


class PairStem(nn.Module):
    """Image before and after the levels [B, 6, H, W], H and W multiples of 4 -> features F0 [B, width, H/4, W/4].

    A 4x4 convolution of stride 4 equals pixel-unshuffle x4 and a 1x1 convolution, at a fraction of the cost.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unshuffle = nn.Conv2d(6, width, 4, stride=4)
        self.refine = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, images_B6HW: Tensor) -> Tensor:
        patches = self.unshuffle(images_B6HW)
        return patches + self.refine(F.relu(patches))
