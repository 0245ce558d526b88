"""How large the reproduction of paper A is: its networks, its steps, and how many frames judge it."""

from dataclasses import dataclass, replace

from training.config import DataConfig
from training.paper_a_config import EGSynLossConfig, GeneratorConfig, PaperAConfig, PaperATrainConfig, SGAdaLossConfig
from training.paper_a_config import paper_a as paper_a_preset


@dataclass(frozen=True)
class Scale:
    """`training` is the whole of stages 1 to 3; `frames` judge each row; `shared`: one model for a set's every row."""

    name: str
    training: PaperATrainConfig
    segmenter_steps: int
    segmenter_batch: int
    frames: int
    shared: bool


def quick(seed: int) -> Scale:
    """An hour on two CPU cores: small networks, one model for all degradations, no VGG-19.

    L1 weighs 10, because with the paper's total variation of 1 a weight of 1 pays for erasing small detail.
    """
    generator = GeneratorConfig(width=16, blocks=4)
    model = PaperAConfig(
        sgada=generator,
        egsyn=generator,
        sgada_output="residual",
        discriminator_widths=(16, 32, 64, 64, 64, 64),
    )
    training = PaperATrainConfig(
        "reproduce_a_quick",
        *(1500, 1500, 900),
        model=model,
        egsyn_loss=EGSynLossConfig(l1=10.0, perceptual_features="off"),
        data=DataConfig(drives=40, crop=(128, 160), camvid_share=0.7),
        seed=seed,
        batch=4,
        learning_rate=6e-4,
        decay=True,
        checkpoint_every=300,
    )
    return Scale("quick", training, segmenter_steps=2000, segmenter_batch=8, frames=34, shared=True)


def full(seed: int, vgg19: str) -> Scale:
    """The paper's networks, one model for each row, on a GPU; `vgg19` is the weights file, or `off`."""
    features = EGSynLossConfig(perceptual_features="off") if vgg19 == "off" else EGSynLossConfig(vgg19_weights=vgg19)
    training = replace(paper_a_preset(), name="reproduce_a", egsyn_loss=replace(features, l1=10.0), seed=seed)
    return Scale("full", training, segmenter_steps=20_000, segmenter_batch=16, frames=500, shared=False)


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
    return Scale("smoke", training, segmenter_steps=2, segmenter_batch=2, frames=2, shared=True)
