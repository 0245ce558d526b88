"""SN-PatchGAN, the discriminators D1 and D2 (paper A, sections 3.2 and 3.3): every output element is a patch score."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.recipes.paper_a.config import CooperationConfig
from training.recipes.paper_a.generator import concatenate


class PatchGAN(nn.Module):
    """x [B, inputs, H, W] -> unbounded scores [B, C, H/64, W/64] (rounded up), for six layers.

    The layers are 5x5 convolutions of stride 2 with spectral normalisation and a LeakyReLU between them. There is none
    after the last, because the least-squares targets 0 and 1 need linear scores. In training mode, each call does one
    power iteration.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *widths)):
            layers += [spectral_norm(nn.Conv2d(before, after, 5, stride=2, padding=2)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.layers(x_BCHW)


class SegmentationDiscriminator(nn.Module):
    """D1: {segmentation, Id} -> scores. Real is one-hot Sgt, fake is softmax Sr; [B, K, H, W] and [B, 3, H, W]."""

    def __init__(self, config: CooperationConfig) -> None:
        super().__init__()
        self.patches = PatchGAN(config.classes + 3, config.discriminator_widths)

    def forward(self, segmentation_BKHW: Tensor, image_B3HW: Tensor) -> Tensor:
        return self.patches(concatenate(segmentation_BKHW, image_B3HW * 2 - 1))


class ImageDiscriminator(nn.Module):
    """D2: image [B, 3, H, W], 0..1 -> scores; unconditional (eq. 5). Real is Igt, fake is Ir."""

    def __init__(self, config: CooperationConfig) -> None:
        super().__init__()
        self.patches = PatchGAN(3, config.discriminator_widths)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return self.patches(image_B3HW * 2 - 1)
