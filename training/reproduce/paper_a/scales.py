"""The size of paper A's reproduction: its networks, its steps, and how many frames judge it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from training.config import DataConfig
from training.data.degradations import PAPER_A_DEGRADATIONS
from training.recipes.paper_a.config import CooperationConfig, EGSynLossConfig, GeneratorConfig, PaperARun, paper_a
from training.reproduce.study import Scale


class Whole(NamedTuple):
    """Crops that are nearly whole frames: their size (rows, columns), how many make a batch, and the learning rate."""

    size: tuple[int, int]
    batch: int
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class CooperationScale(Scale):
    """`training` is stages 1 to 3 of each row; `street` are the rows on street scenes.

    `whole`: crops of stages 1 and 3, None for those of `training`. SGAda sees frames as it is used only if they are
    nearly whole, because instance normalisation takes its means from the crop.

    `segmenter_*`: steps, batch and crops (rows, columns) of a data set's own original segmenter.
    """

    training: PaperARun
    segmenter_steps: int
    segmenter_batch: int
    segmenter_crop: tuple[int, int]
    street: tuple[str, ...] = PAPER_A_DEGRADATIONS
    whole: Whole | None = None


def quick(seed: int) -> CooperationScale:
    """An hour on two CPU cores: small networks, skip connections, SGAda at a quarter of the size, no VGG-19."""
    model = CooperationConfig(
        sgada=GeneratorConfig(width=32, blocks=4, skips=True, shrink=4),
        egsyn=GeneratorConfig(width=16, blocks=4, skips=True, norm="channel"),
        sgada_output="residual",
        discriminator_widths=(16, 32, 64, 64, 64, 64),
    )
    training = PaperARun(
        name="reproduce_a_quick",
        sgada_steps=800,
        egsyn_steps=2000,
        steps=400,
        model=model,
        egsyn_loss=EGSynLossConfig(total_variation=0.1, perceptual_features="off"),
        data=DataConfig(drives=40, crop=(192, 256), camvid_share=0.7),
        seed=seed,
        batch=4,
        learning_rate=2e-3,
        decay=True,
    )
    return CooperationScale(
        name="quick",
        training=training,
        frames=26,
        seeds=3,
        street=("fog", "rain", "reflection", "gaussian_noise"),
        segmenter_steps=1500,
        segmenter_batch=8,
        segmenter_crop=(288, 384),
        whole=Whole((288, 384), 4, 1e-3),
    )


def full(seed: int, vgg19: str) -> CooperationScale:
    """The paper's networks, on a GPU; `vgg19` is the weights file, or `off`.

    They learn from crops and are judged on whole frames, so they normalise over channels: with instance normalisation,
    the same EGSyn gives a crop of 256 pixels another answer than the whole frame, by a third of the output's power.
    Skip connections carry the detail, and SGAda gives the difference to Sd, as the quick scale found.
    """
    generator = GeneratorConfig(skips=True, norm="channel")
    model = CooperationConfig(sgada=generator, egsyn=generator, sgada_output="residual")
    features = EGSynLossConfig(perceptual_features="off") if vgg19 == "off" else EGSynLossConfig(vgg19_weights=vgg19)
    training = replace(paper_a(), name="reproduce_a", egsyn_loss=features, model=model, seed=seed)
    return CooperationScale(
        name="full",
        training=training,
        frames=500,
        seeds=3,
        segmenter_steps=20_000,
        segmenter_batch=16,
        segmenter_crop=(256, 256),
    )


def smoke(seed: int) -> CooperationScale:
    """A step a stage of tiny networks, to try the command."""
    tiny = GeneratorConfig(width=4, blocks=1)
    training = PaperARun(
        name="reproduce_a_smoke",
        sgada_steps=1,
        egsyn_steps=1,
        steps=1,
        model=CooperationConfig(sgada=tiny, egsyn=tiny, sgada_output="residual", discriminator_widths=(4,) * 6),
        egsyn_loss=EGSynLossConfig(perceptual_features="off"),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 64)),
        seed=seed,
        batch=2,
        decay=True,
    )
    return CooperationScale(
        name="smoke",
        training=training,
        frames=2,
        segmenter_steps=2,
        segmenter_batch=2,
        segmenter_crop=(64, 64),
        street=("gaussian_noise", "fog"),
    )


SMALL = {"quick": quick, "smoke": smoke}
"""The scales that need no weights file."""
