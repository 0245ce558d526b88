"""The size of paper B's reproduction: its network, its steps, its seeds, and the frames that judge it."""

from dataclasses import dataclass

from training.config import DataConfig
from training.recipes.paper_b.config import MoeWirNetConfig, PaperBRun, paper_b_quick
from training.reproduce.study import Scale


@dataclass(frozen=True, kw_only=True)
class MoeWirNetScale(Scale):
    """`training` is every row's, apart from the network and the reweighting.

    Table 4 measures `presets` of the recipe at `complexity_size` (rows, columns).
    """

    training: PaperBRun
    presets: tuple[str, ...] = ("paper_b", "paper_b_small", "paper_b_quick")
    complexity_size: tuple[int, int] = (256, 256)


def quick(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """18 set-ups with three seeds in three quarters of an hour on two CPU cores."""
    training = PaperBRun(
        name="reproduce_b_quick",
        steps=220,
        batch=3,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=100,
        model=paper_b_quick().model,
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    return MoeWirNetScale(name="quick", training=training, seeds=seeds or 3, frames=12, window=(192, 256))


def full(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """The paper's network and steps, on a GPU; its page does not mention several seeds."""
    training = PaperBRun(name="reproduce_b", data=DataConfig(crop=(128, 128), camvid_share=0.7), seed=seed)
    return MoeWirNetScale(name="full", training=training, seeds=seeds or 1, frames=200)


def smoke(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """A step of tiny networks, to try the command."""
    training = PaperBRun(
        name="reproduce_b_smoke",
        steps=1,
        learning_rate=1e-3,
        model=MoeWirNetConfig(6, (1, 1, 1, 1), 1, window=2, patch=2),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 32)),
        seed=seed,
    )
    return MoeWirNetScale(
        name="smoke",
        training=training,
        seeds=seeds or 2,
        frames=1,
        window=(32, 48),
        presets=("paper_b_quick",),
        complexity_size=(64, 64),
    )


SCALES = {"quick": quick, "full": full, "smoke": smoke}
