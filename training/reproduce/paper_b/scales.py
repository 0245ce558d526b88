"""How large the reproduction of paper B is: its network, its steps, its seeds, and what judges it."""

from dataclasses import dataclass

from training.config import DataConfig
from training.recipes.paper_b.config import PaperBTrainConfig
from training.recipes.paper_b.network_config import PRESETS, PaperBConfig, paper_b, paper_b_quick


@dataclass(frozen=True)
class Scale:
    """`training` is every row's but for what the row changes; each row is trained with `seeds` seeds.

    At most `frames` frames of each weather judge it, of which the middle `window` (rows, columns), None for all of
    it. `presets` of the network are measured at `complexity_size` for Table 4.
    """

    name: str
    training: PaperBTrainConfig
    seeds: int
    frames: int
    window: tuple[int, int] | None
    presets: tuple[str, ...] = tuple(PRESETS)
    complexity_size: tuple[int, int] = (256, 256)


def quick(seed: int, seeds: int = 0) -> Scale:
    """18 set-ups with three seeds in three quarters of an hour on two CPU cores."""
    training = PaperBTrainConfig(
        220,
        batch=3,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=100,
        name="reproduce_b_quick",
        model=paper_b_quick(),
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    return Scale("quick", training, seeds or 3, frames=12, window=(192, 256))


def full(seed: int, seeds: int = 0) -> Scale:
    """The paper's network and steps, on a GPU; its page says nothing of several seeds."""
    data = DataConfig(crop=(128, 128), camvid_share=0.7)
    training = PaperBTrainConfig(name="reproduce_b", model=paper_b(), data=data, seed=seed)
    return Scale("full", training, seeds or 1, frames=200, window=None)


def smoke(seed: int, seeds: int = 0) -> Scale:
    """A step of tiny networks, for tests of the command itself."""
    model = PaperBConfig(6, (1, 1, 1, 1), 1, window=2, patch=2)
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 32))
    training = PaperBTrainConfig(1, learning_rate=1e-3, name="reproduce_b_smoke", model=model, data=data, seed=seed)
    return Scale("smoke", training, seeds or 2, 1, (32, 48), ("paper_b_quick",), (64, 64))


SCALES = {"quick": quick, "full": full, "smoke": smoke}
