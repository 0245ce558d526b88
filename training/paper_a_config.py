"""Settings of paper A's own networks and of their losses; the defaults are at the paper's scale."""

from dataclasses import dataclass, field
from typing import Literal

Output = Literal["direct", "residual"]
Variation = Literal["anisotropic", "printed"]
PerceptualFeatures = Literal["vgg19", "off"]


@dataclass(frozen=True)
class GeneratorConfig:
    """One generator: channels at full size (doubled at 1/2, again at 1/4), residual blocks and their dilation."""

    width: int = 64
    blocks: int = 8
    dilation: int = 2


@dataclass(frozen=True)
class PaperAConfig:
    """G1, G2, D1 and D2 (paper A, sections 3.2 and 3.3).

    `*_output`: what the generator's last convolution gives, Sr or Ir itself (`direct`) or its difference to Sd or Id
    (`residual`). The paper writes maps to Sr and Ir, and says of G1 that it "exploits the difference" (3.1). EGSyn is
    residual by default, because instance normalisation takes the image's mean colour out of the features.
    """

    classes: int = 11
    sgada: GeneratorConfig = field(default_factory=GeneratorConfig)
    egsyn: GeneratorConfig = field(default_factory=GeneratorConfig)
    sgada_output: Output = "direct"
    egsyn_output: Output = "residual"
    discriminator_widths: tuple[int, ...] = (64, 128, 256, 256, 256, 256)


@dataclass(frozen=True)
class SGAdaLossConfig:
    """Weight of eq. 1; the paper gives no number for lambda. Labels equal to `void` are left out."""

    cross_entropy: float = 10.0
    void: int = 255


@dataclass(frozen=True)
class EGSynLossConfig:
    """Weights and readings of eq. 4; the paper gives only total variation's weight.

    Every norm is a mean over elements. With `l1` and `total_variation` both 1, erasing a detail less than 4 pixels wide
    costs less than keeping it (a square of side s: s * s against 4 * s); raise `l1` to keep fine texture.

    `perceptual_features`: `vgg19` needs `vgg19_weights`, the path of torchvision's weights file; `off` leaves out the
    perceptual and the style term. `style_activated`: Gram matrices of the features after ReLU (the text before eq. 8
    speaks of activation features) instead of before it (eq. 7 defines phi so). `variation`: eq. 9's reading.
    """

    l1: float = 1.0
    adversarial: float = 0.1
    perceptual: float = 0.1
    style: float = 250.0
    total_variation: float = 1.0
    variation: Variation = "anisotropic"
    style_activated: bool = False
    perceptual_features: PerceptualFeatures = "vgg19"
    vgg19_weights: str = ""
