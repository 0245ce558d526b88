"""Settings of paper A's own networks, losses and training; the defaults are at the paper's scale."""

from dataclasses import dataclass, field
from typing import Literal

from training.config import DataConfig, PairedSetConfig, RunConfig, place

Output = Literal["direct", "residual"]
Variation = Literal["anisotropic", "printed"]
PerceptualFeatures = Literal["vgg19", "off"]


@dataclass(frozen=True)
class GeneratorConfig:
    """One generator: channels at full size (doubled at 1/2, again at 1/4), residual blocks and their dilation.

    `skips` add the encoder's features to the decoder's. The paper mentions none; without them all detail has to pass
    the middle at a quarter of the size, which takes more steps to learn than a short run has. With `shrink` it
    works on the input averaged over squares of so many pixels, at the cost divided by their number, and its output is
    interpolated up again; that suits residual outputs, whose detail is that of Sd or Id.
    """

    width: int = 64
    blocks: int = 8
    dilation: int = 2
    skips: bool = False
    shrink: int = 1


@dataclass(frozen=True)
class CooperationConfig:
    """G1, G2, D1 and D2 (paper A, sections 3.2 and 3.3).

    `*_output`: what the generator's last convolution gives, Sr or Ir itself (`direct`) or its difference to Sd or Id
    (`residual`). The paper writes maps to Sr and Ir, and says of G1 that it "exploits the difference" (3.1). EGSyn is
    residual by default, because instance normalisation takes the image's mean colour out of the features.
    `egsyn_guided`: without it EGSyn sees an undecided map (1/K everywhere) in place of Sr, to measure what Sr is worth.
    """

    classes: int = 11
    sgada: GeneratorConfig = field(default_factory=GeneratorConfig)
    egsyn: GeneratorConfig = field(default_factory=GeneratorConfig)
    sgada_output: Output = "direct"
    egsyn_output: Output = "residual"
    egsyn_guided: bool = True
    discriminator_widths: tuple[int, ...] = (64, 128, 256, 256, 256, 256)


@dataclass(frozen=True)
class SGAdaLossConfig:
    """Weight of eq. 1; the paper gives no number for lambda. Labels equal to `void` are left out.

    `class_weights` by class id, so that rare classes count more in eq. 2; empty, as printed, they count alike.
    """

    cross_entropy: float = 10.0
    void: int = 255
    class_weights: tuple[float, ...] = ()


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
    vgg19_weights: str = place()


@dataclass(frozen=True)
class PairsConfig(PairedSetConfig):
    """Pairs on disk, and `originals`: a folder of their original segmentations, empty if a segmenter makes them."""

    originals: str = place()


@dataclass(frozen=True, kw_only=True)
class PaperARun(RunConfig):
    """One run of Cooperative Modification Learning (paper A, section 3.4).

    N1, N2 and N3 are `sgada_steps`, `egsyn_steps` and `steps`; a stage of 0 steps is left out. `egsyn_learns_on`: the
    map of stage 2, the ground truth (Algorithm 1) or SGAda's, as the text of 3.4 says. The paper names no optimiser,
    rate or batch: Adam, with the usual settings of image-to-image GANs; `decay` lets every stage's rate fall along a
    cosine, which helps short runs. `segmenter` gives Sd: a name as `find_segmenter` takes it.
    """

    sgada_steps: int
    egsyn_steps: int
    model: CooperationConfig = field(default_factory=CooperationConfig)
    sgada_loss: SGAdaLossConfig = field(default_factory=SGAdaLossConfig)
    egsyn_loss: EGSynLossConfig = field(default_factory=EGSynLossConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    segmenter: str = place()
    egsyn_learns_on: Literal["ground_truth", "refined"] = "ground_truth"
    learning_rate: float = 2e-4
    decay: bool = False
    betas: tuple[float, float] = (0.5, 0.999)


def paper_a() -> PaperARun:
    """The paper's networks on our own street scenes; for a GPU."""
    return PaperARun(
        name="paper_a", sgada_steps=20_000, egsyn_steps=20_000, steps=20_000, data=DataConfig(crop=(256, 256))
    )


def paper_a_smoke() -> PaperARun:
    """Two steps a stage of tiny networks, for tests of the stages themselves."""
    tiny = GeneratorConfig(width=4, blocks=1)
    return PaperARun(
        name="paper_a_smoke",
        sgada_steps=2,
        egsyn_steps=2,
        steps=2,
        model=CooperationConfig(sgada=tiny, egsyn=tiny, discriminator_widths=(4, 4, 4, 4, 4, 4)),
        egsyn_loss=EGSynLossConfig(perceptual_features="off"),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 64)),
        batch=2,
    )


PRESETS = {"paper_a": paper_a, "paper_a_smoke": paper_a_smoke}
