"""Shows a segmenter frames of any size at one size."""

from torch import Tensor, nn
from torch.nn import functional as F


class OneSize(nn.Module):
    """Image [B, 3, H, W] 0..1 -> the segmenter's logits [B, K, h, w], of the image resized to `size` (rows, columns).

    A model file takes frames of any size. At a fixed size the network's reshapes do not depend on the frame's size, so
    torch.export need not derive how the two relate.
    """

    def __init__(self, segmenter: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.segmenter, self.size = segmenter, size

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return self.segmenter(F.interpolate(image_B3HW, size=self.size, mode="bilinear", align_corners=False))
