"""SGAda (G1), EGSyn (G2), their cooperation, and the discriminators D1 and D2 (paper A, 3.1 to 3.3)."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.recipes.paper_a.config import CooperationConfig
from training.recipes.paper_a.generator import Generator, concatenate

LEAST_PROBABILITY = 1e-3
"""Least probability in Sd's logarithm, so that G1 can overrule a wrong class with a probability of 1."""


class SGAda(nn.Module):
    """SGAda, the semantically guided adaptation (section 3.2): {Sd, Id} -> Sr.

    Sd [B, K, H, W] (probabilities), Id [B, 3, H, W] 0..1 -> Sr as logits [B, K, H, W]; H, W multiples of 4."""

    def __init__(self, config: CooperationConfig) -> None:
        super().__init__()
        self.residual = config.sgada_output == "residual"
        self.generator = Generator(config.classes + 3, config.classes, config.sgada)
        if self.residual:
            self.generator.start_small()

    def forward(self, original_BKHW: Tensor, image_B3HW: Tensor) -> Tensor:
        logits = self.generator(concatenate(original_BKHW, image_B3HW * 2 - 1))
        return original_BKHW.clamp(min=LEAST_PROBABILITY).log() + logits if self.residual else logits


class EGSyn(nn.Module):
    """EGSyn, the exemplar-guided synthesis (section 3.3): {Id, Sr} -> Ir.

    Id [B, 3, H, W] 0..1, Sr [B, K, H, W] (probabilities, soft) -> Ir [B, 3, H, W], 0..1; H, W multiples of 4.

    The residual form is not clamped, so that the losses see values outside 0..1.
    """

    def __init__(self, config: CooperationConfig) -> None:
        super().__init__()
        self.residual = config.egsyn_output == "residual"
        self.guided = config.egsyn_guided
        self.generator = Generator(3 + config.classes, 3, config.egsyn)
        if self.residual:
            self.generator.start_small()

    def forward(self, image_B3HW: Tensor, refined_BKHW: Tensor) -> Tensor:
        if not self.guided:
            refined_BKHW = torch.full_like(refined_BKHW, 1 / refined_BKHW.shape[1])
        generated = self.generator(concatenate(image_B3HW * 2 - 1, refined_BKHW))
        return image_B3HW + generated if self.residual else generated.sigmoid()


class Cooperative(NamedTuple):
    """Sr as logits [B, K, H, W] and the restored image Ir [B, 3, H, W]."""

    refined_BKHW: Tensor
    restored_B3HW: Tensor


class Cooperation(nn.Module):
    """Id [B, 3, H, W] 0..1, Sd [B, K, H, W] (probabilities) -> Cooperative; H and W multiples of 4.

    Sr enters G2 as probabilities, so that the restoration's error reaches G1 (section 3.4, stage 3). Stages 1 and 2
    call `sgada` and `egsyn` by themselves.
    """

    def __init__(self, config: CooperationConfig) -> None:
        super().__init__()
        self.sgada = SGAda(config)
        self.egsyn = EGSyn(config)

    def forward(self, image_B3HW: Tensor, original_BKHW: Tensor) -> Cooperative:
        refined = self.sgada(original_BKHW, image_B3HW)
        return Cooperative(refined, self.egsyn(image_B3HW, refined.softmax(dim=1)))


class PatchGAN(nn.Module):
    """SN-PatchGAN: x [B, inputs, H, W] -> unbounded scores [B, C, H/64, W/64] (rounded up), for six layers.

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
