"""How large the reproduction of paper A is: its networks, its steps, and how many frames judge it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from training.config import DataConfig
from training.recipes.paper_a.config import (
    EGSynLossConfig,
    GeneratorConfig,
    PaperAConfig,
    PaperATrainConfig,
    SGAdaLossConfig,
)
from training.recipes.paper_a.config import paper_a as paper_a_preset

STREET_DEGRADATIONS = (
    *("chromatic_aberration", "gaussian_blur", "gaussian_noise", "jpeg"),
    *("fog", "rain", "reflection"),
)


class Whole(NamedTuple):
    """Crops that are nearly whole frames: their size (rows, columns), how many make a batch, and the learning rate."""

    size: tuple[int, int]
    batch: int
    learning_rate: float


@dataclass(frozen=True)
class Scale:
    """`training` is stages 1 to 3 of each row; `frames` judge it; `street` are the rows on street scenes.

    `whole` is what stages 1 and 3 take, where it is not what `training` says: SGAda sees frames as it will be used only
    if they are nearly whole, because instance normalisation takes its means from what is in the crop.

    The original segmenter's steps, batch and crops (rows, columns) are those of a data set.
    """

    name: str
    training: PaperATrainConfig
    frames: int
    segmenter_steps: int
    segmenter_batch: int
    segmenter_crop: tuple[int, int]
    street: tuple[str, ...] = STREET_DEGRADATIONS
    whole: Whole | None = None


def quick(seed: int) -> Scale:
    """An hour on two CPU cores: small networks, skip connections, SGAda at a quarter of the size, no VGG-19.

    L1 weighs 10, because with the paper's total variation of 1 a weight of 1 pays for erasing small detail.
    """
    model = PaperAConfig(
        sgada=GeneratorConfig(width=32, blocks=4, skips=True, shrink=4),
        egsyn=GeneratorConfig(width=16, blocks=4, skips=True),
        sgada_output="residual",
        discriminator_widths=(16, 32, 64, 64, 64, 64),
    )
    training = PaperATrainConfig(
        "reproduce_a_quick",
        *(150, 120, 24),
        model=model,
        egsyn_loss=EGSynLossConfig(l1=10.0, perceptual_features="off"),
        data=DataConfig(drives=40, crop=(144, 192), camvid_share=0.7),
        seed=seed,
        batch=4,
        learning_rate=2e-3,
        decay=True,
    )
    whole = Whole((288, 384), 4, 1e-3)
    return Scale(
        "quick", training, frames=26, segmenter_steps=1500, segmenter_batch=8, segmenter_crop=(288, 384), whole=whole
    )


def full(seed: int, vgg19: str) -> Scale:
    """The paper's networks, on a GPU; `vgg19` is the weights file, or `off`."""
    features = EGSynLossConfig(perceptual_features="off") if vgg19 == "off" else EGSynLossConfig(vgg19_weights=vgg19)
    training = replace(paper_a_preset(), name="reproduce_a", egsyn_loss=replace(features, l1=10.0), seed=seed)
    return Scale("full", training, frames=500, segmenter_steps=20_000, segmenter_batch=16, segmenter_crop=(256, 256))


def smoke(seed: int) -> Scale:
    """A few steps of tiny networks, for tests of the command itself."""
    tiny = GeneratorConfig(width=4, blocks=1)
    model = PaperAConfig(sgada=tiny, egsyn=tiny, sgada_output="residual", discriminator_widths=(4,) * 6)
    training = PaperATrainConfig(
        "reproduce_a_smoke",
        *(1, 1, 1),
        model=model,
        sgada_loss=SGAdaLossConfig(),
        egsyn_loss=EGSynLossConfig(perceptual_features="off"),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 64)),
        seed=seed,
        batch=2,
        decay=True,
    )
    return Scale(
        "smoke",
        training,
        frames=2,
        segmenter_steps=2,
        segmenter_batch=2,
        segmenter_crop=(64, 64),
        street=("gaussian_noise", "fog"),
    )
