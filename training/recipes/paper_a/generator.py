"""The generator of G1 and G2: encoder, dilated residual blocks, decoder.

Paper A does not specify its generators. It only mentions transposed convolutions (section 3.3, on the checkerboard
patterns that they cause), so the decoder upsamples with them.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import PixelNorm, check_size, upsample
from training.recipes.paper_a.config import GeneratorConfig, Norm

MULTIPLE = 4


class Generator(nn.Module):
    """x [B, inputs, H, W] -> [B, outputs, H, W], linear; H and W multiples of 4 * `shrink`, or ValueError.

    With `skips` it adds the encoder's features to the decoder's of the same size. With `shrink` it works with that many
    times fewer rows and columns.
    """

    def __init__(self, inputs: int, outputs: int, config: GeneratorConfig) -> None:
        super().__init__()
        width, norm = config.width, config.norm
        self.skips, self.shrink = config.skips, config.shrink
        self.encoder = nn.Sequential(
            *normalised(nn.Conv2d(inputs, width, 7, padding=3, bias=False), norm),
            *normalised(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False), norm),
            *normalised(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False), norm),
        )
        self.blocks = nn.Sequential(*(DilatedBlock(4 * width, config.dilation, norm) for _ in range(config.blocks)))
        self.decoder = nn.Sequential(
            *normalised(nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False), norm),
            *normalised(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False), norm),
        )
        self.head = nn.Conv2d(width, outputs, 7, padding=3)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        check_size("generator", x_BCHW, MULTIPLE * self.shrink)
        if self.shrink == 1:
            return self.generate(x_BCHW)
        return upsample(self.generate(F.avg_pool2d(x_BCHW, self.shrink)), self.shrink)

    def generate(self, x_BCHW: Tensor) -> Tensor:
        """Run the generator at the size of its input, without `shrink`."""
        full = self.encoder[:3](x_BCHW)
        half = self.encoder[3:6](full)
        x = self.decoder[:3](self.blocks(self.encoder[6:](half)))
        x = self.decoder[3:](x + half if self.skips else x)
        return self.head(x + full if self.skips else x)

    def start_small(self) -> None:
        """Scale the last convolution down, so that a residual generator starts near the identity but still learns."""
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            if self.head.bias is not None:
                self.head.bias.zero_()


class DilatedBlock(nn.Module):
    """x + conv(conv(x)), both normalised; the first convolution is dilated."""

    def __init__(self, width: int, dilation: int, norm: Norm = "instance") -> None:
        super().__init__()
        self.body = nn.Sequential(
            *normalised(nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False), norm),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            NORMS[norm](width),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.body(x_BCHW)


NORMS: dict[Norm, Callable[[int], nn.Module]] = {
    "instance": partial(nn.InstanceNorm2d, affine=True),
    "channel": PixelNorm,
}


def normalised(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> tuple[nn.Module, ...]:
    """A convolution, its normalisation and ReLU."""
    return convolution, NORMS[norm](convolution.out_channels), nn.ReLU()


def concatenate(first_BCHW: Tensor, second_BCHW: Tensor) -> Tensor:
    """The paper's {., .} concatenates channels (section 3.2); raises ValueError if the sizes differ."""
    if first_BCHW.shape[2:] != second_BCHW.shape[2:]:
        raise ValueError(
            f"image and segmentation must share one size, got {tuple(first_BCHW.shape[2:])} and "
            f"{tuple(second_BCHW.shape[2:])}; resize the segmentation first (models.deploy.probabilities_like)"
        )
    return torch.cat([first_BCHW, second_BCHW], dim=1)
