"""Settings of paper A's networks, losses and training; the defaults are at the paper's scale."""

from dataclasses import dataclass, field
from typing import Literal

from training.config import DataConfig, PairedSetConfig, RunConfig, place
from training.data.degradations import PAPER_A_DEGRADATIONS

Output = Literal["direct", "residual"]
Variation = Literal["anisotropic", "printed"]
Norm = Literal["instance", "channel"]
PerceptualFeatures = Literal["vgg19", "off"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of one generator.

    `width`: channels at full size, twice as many at 1/2 and four times at 1/4. `blocks`: residual blocks, with their
    `dilation`. `skips`: add the encoder's features to the decoder's. The paper mentions no skips; without them all
    detail has to pass through the middle at 1/4 of the size, which takes more steps to learn than a short run has.
    `shrink`: average the input over squares of this many pixels a side, and interpolate the output up again; this
    divides the cost by the area of a square. It suits residual outputs, which take their detail from Sd or Id. `norm`:
    `instance` takes its means from the input, so a generator that learned on small crops behaves otherwise on whole
    frames; `channel` normalises every pixel over its channels and does not see the size.
    """

    width: int = 64
    blocks: int = 8
    dilation: int = 2
    skips: bool = False
    shrink: int = 1
    norm: Norm = "instance"


@dataclass(frozen=True)
class CooperationConfig:
    """Settings of G1, G2, D1 and D2 (paper A, sections 3.2 and 3.3).

    `*_output`: the generator's last convolution computes Sr or Ir (`direct`), or their difference to Sd or Id
    (`residual`). The paper's equations map to Sr and Ir, but its text says that G1 "exploits the difference" (section
    3.1). EGSyn is residual by default, because instance normalisation removes the image's mean colour from the
    features. `egsyn_guided`: if false, EGSyn sees an undecided map (1/K everywhere) instead of Sr, to measure how much
    Sr helps.
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
    """Settings of eq. 1 and 2. The paper gives no number for lambda, here `cross_entropy`.

    `*_share`: the norm of another error's gradient on Sr, in units of the cross-entropy's; that is, lambda is chosen at
    every step by the ratio of gradients. As the equations add up, the adversarial error gives G1 a ten-thousandth of
    the cross-entropy's gradient, and the restoration's in stage 3 a hundredth or less, so that they teach it nothing.
    If 0, the errors add up as printed.

    `void`: the label of pixels to leave out. `class_weights`: weight per class id in eq. 2, so that rare classes can
    count more; if empty, all classes count the same, as printed.
    """

    cross_entropy: float = 10.0
    void: int = 255
    class_weights: tuple[float, ...] = ()
    adversarial_share: float = 0.1
    restoration_share: float = 0.3


@dataclass(frozen=True)
class EGSynLossConfig:
    """Weights and interpretation of eq. 4; the paper gives only the weight of the total variation.

    Every norm is a mean over elements. If `l1` and `total_variation` were both 1, erasing a detail less than 4 pixels
    wide would cost less than keeping it (s * s against 4 * s for a square of side s): the best answer to the pixel
    terms would be a blurred image, 26.5 dB from the truth whatever the network. An `l1` of 10 keeps every detail.

    `perceptual_features`: `vgg19` needs `vgg19_weights`, the path of torchvision's weights file; `off` leaves out the
    perceptual and style terms. `style_activated`: take Gram matrices of the features after ReLU (the text before eq. 8
    mentions activation features) instead of before it (the definition of phi in eq. 7). `variation`: the interpretation
    of eq. 9.
    """

    l1: float = 10.0
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
    """Pairs on disk; `originals` is a folder of their original segmentations, empty if a segmenter makes them."""

    originals: str = place()


@dataclass(frozen=True, kw_only=True)
class PaperARun(RunConfig):
    """One run of Cooperative Modification Learning (paper A, section 3.4).

    N1, N2 and N3 are `sgada_steps`, `egsyn_steps` and `steps`; the run skips a stage of 0 steps. `egsyn_learns_on`: the
    map in stage 2, either the ground truth (Algorithm 1) or SGAda's (the text of section 3.4). The paper names no
    optimiser, rate or batch size; here it is Adam with the usual settings of image-to-image GANs. `decay`: reduce every
    stage's rate along a cosine, which helps short runs. `segmenter`: the segmenter for Sd, as in `find_segmenter`.
    `degradations`: those of street scenes, in equal shares; pairs have their own.
    """

    sgada_steps: int
    egsyn_steps: int
    model: CooperationConfig = field(default_factory=CooperationConfig)
    sgada_loss: SGAdaLossConfig = field(default_factory=SGAdaLossConfig)
    egsyn_loss: EGSynLossConfig = field(default_factory=EGSynLossConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    segmenter: str = place()
    degradations: tuple[str, ...] = PAPER_A_DEGRADATIONS
    egsyn_learns_on: Literal["ground_truth", "refined"] = "ground_truth"
    learning_rate: float = 2e-4
    decay: bool = False
    betas: tuple[float, float] = (0.5, 0.999)


def paper_a() -> PaperARun:
    """The paper's networks on street scenes; for a GPU."""
    return PaperARun(
        name="paper_a", sgada_steps=20_000, egsyn_steps=20_000, steps=20_000, data=DataConfig(crop=(256, 256))
    )


def paper_a_smoke() -> PaperARun:
    """Two steps per stage of tiny networks, for tests of the stages."""
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
