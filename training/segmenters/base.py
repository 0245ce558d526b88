"""The base segmenter: a small network of its own that knows normal conditions only (paper A, section 4.1, "original
segmentation"). It stands for the perception stack that a robot has today; SGAda refines what it says in weather."""

from torch import Tensor, nn

from training.models.layers import ConvNormAct, ResidualBlock, upsample


class BaseSegmenter(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 16 -> class logits [B, K, H/8, W/8]."""

    def __init__(self, classes: int, width4: int, width8: int, width16: int) -> None:
        super().__init__()
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
