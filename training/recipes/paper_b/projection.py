"""What the three experts share: their projections to queries, keys and values, and the refusal of odd sizes."""

from torch import Tensor, nn


class Projection(nn.Module):
    """x [B, C, H, W] -> Q, K, V as one [B, 3C, H, W], by 1x1 and depthwise 3x3 convolutions (paper B, section 3.2).

    The experts rearrange the three together and take them apart last: a third of the operators in the model file.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.depthwise = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        projected: Tensor = self.depthwise(self.pointwise(x_BCHW))
        return projected


def depthwise(width: int) -> nn.Conv2d:
    """The 3x3 depthwise convolution that ends the spatial and the frequency expert."""
    return nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError where the channels of an expert cannot be split among its heads."""
    if width % heads:
        raise ValueError(f"{width} channels of an expert cannot be split among {heads} heads; change width or heads")
