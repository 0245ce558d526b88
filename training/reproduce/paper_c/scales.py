"""How large the reproduction of paper C is: its network, its steps, its seeds, and what judges it."""

from dataclasses import dataclass
from typing import NamedTuple

from training.config import DataConfig
from training.recipes.paper_c.config import PaperCTrainConfig
from training.recipes.paper_c.network_config import PaperCConfig, paper_c, paper_c_quick


class RouterTraining(NamedTuple):
    """How the router learns before the joint training: its steps, crops (rows, columns), their number, and the rate."""

    steps: int
    crop: tuple[int, int]
    batch: int
    learning_rate: float


@dataclass(frozen=True)
class Scale:
    """`training` is every row's but for how it joins gradients; each row is trained with `seeds` seeds.

    All rows of a seed start from the same router, if `router` says how one is trained: it tells weathers by statistics
    of the frame, and learns them from crops that are nearer to one than those on which restoration is affordable.

    At most `frames` frames of each weather judge the restoration, of which the middle `window` (rows, columns), None
    for all of it; `router_frames` of every set of unseen drives judge the router in each weather. Curves over the
    training have `bins` points.
    """

    name: str
    training: PaperCTrainConfig
    seeds: int
    frames: int
    window: tuple[int, int] | None
    router_frames: int
    bins: int
    router: RouterTraining | None = None


def quick(seed: int, seeds: int = 0) -> Scale:
    """Nine methods with three seeds within half an hour on two CPU cores."""
    training = PaperCTrainConfig(
        500,
        batch=8,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=250,
        name="reproduce_c_quick",
        model=paper_c_quick(),
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    router = RouterTraining(1600, (160, 160), 8, 4e-3)
    return Scale("quick", training, seeds or 3, frames=12, window=(192, 256), router_frames=40, bins=40, router=router)


def full(seed: int, seeds: int = 0) -> Scale:
    """The network at full size, on a GPU."""
    data = DataConfig(crop=(128, 128), camvid_share=0.7)
    training = PaperCTrainConfig(name="reproduce_c", model=paper_c(), data=data, seed=seed)
    return Scale("full", training, seeds or 3, frames=200, window=None, router_frames=100, bins=200)


def smoke(seed: int, seeds: int = 0) -> Scale:
    """Two steps of tiny networks, for tests of the command itself."""
    training = PaperCTrainConfig(
        2,
        batch=4,
        name="reproduce_c_smoke",
        model=PaperCConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4),
        data=DataConfig(drives=2, frames_per_drive=1, height=64, width=96, crop=(32, 32)),
        seed=seed,
        validation_drives=1,
    )
    router = RouterTraining(2, (48, 48), 4, 1e-3)
    return Scale("smoke", training, seeds or 2, frames=1, window=(32, 48), router_frames=2, bins=2, router=router)


SCALES = {"quick": quick, "full": full, "smoke": smoke}
