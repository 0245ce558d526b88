"""The rows of paper C's reproduction and their size: ways to join the weathers' gradients. C is a reconstruction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from training.config import DataConfig
from training.multitask.combination import Method, build
from training.multitask.homogenisation import HomogenisationConfig
from training.recipes.paper_c.config import MuirfConfig, PaperCRun, paper_c_quick
from training.reproduce.study import Scale


@dataclass(frozen=True)
class MethodRow:
    """A way to join the gradients: its name in the command and its folders, its title in reports, and its settings."""

    name: str
    title: str
    method: Method
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)


OURS = "mvgh"
SUM = "sum"

ROWS = (
    MethodRow(SUM, "sum", "sum"),
    MethodRow("pcgrad", "PCGrad", "pcgrad"),
    MethodRow("cagrad", "CAGrad", "cagrad"),
    MethodRow("mgda", "MGDA", "mgda"),
    MethodRow("imtl_g", "IMTL-G", "imtl_g"),
    MethodRow("nash_mtl", "Nash-MTL", "nash_mtl"),
    MethodRow("ori", "ORI (paper B)", "ori"),
    MethodRow("mvgh_magnitude", "MVGH, magnitude only", "mvgh", HomogenisationConfig(direction=False)),
    MethodRow("mvgh_direction", "MVGH, direction only", "mvgh", HomogenisationConfig(magnitude=False)),
    MethodRow(OURS, "MVGH", "mvgh"),
)

NAMES = tuple(row.name for row in ROWS)


def available(names: Sequence[str]) -> tuple[list[MethodRow], list[str]]:
    """The rows of these names whose solvers are installed, always with MVGH, and a line for each of the others."""
    settings, found, absent = PaperCRun(), [], []
    for row in ROWS:
        if row.name in names or row.name == OURS:
            try:
                build(row.method, len(settings.tasks), row.homogenisation, settings.reweighting)
                found.append(row)
            except ImportError as error:
                absent.append(f"{row.title}: {error}")
    return found, absent


class RouterTraining(NamedTuple):
    """The router's own training, before the joint one: its steps, crops (rows, columns), their number, and the rate."""

    steps: int
    crop: tuple[int, int]
    batch: int
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class MuirfScale(Scale):
    """`training` is every row's, apart from how it joins gradients.

    With `router`, all rows of a seed start from one router, which is trained first: it tells weathers by statistics of
    the frame, and learns them from crops that are nearer to a frame than those that restoration can afford.

    `router_frames` of every set of unseen drives judge the router in each weather. Curves over the training have `bins`
    points.
    """

    training: PaperCRun
    router_frames: int
    bins: int
    router: RouterTraining | None = None


def quick(seed: int, seeds: int = 0) -> MuirfScale:
    """Nine methods with three seeds within half an hour on two CPU cores."""
    training = PaperCRun(
        name="reproduce_c_quick",
        steps=500,
        batch=8,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=250,
        model=paper_c_quick().model,
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    return MuirfScale(
        name="quick",
        training=training,
        seeds=seeds or 3,
        frames=12,
        window=(192, 256),
        router_frames=40,
        bins=40,
        router=RouterTraining(1600, (160, 160), 8, 4e-3),
    )


def full(seed: int, seeds: int = 0) -> MuirfScale:
    """The network at full size, on a GPU."""
    training = PaperCRun(name="reproduce_c", data=DataConfig(crop=(128, 128), camvid_share=0.7), seed=seed)
    return MuirfScale(name="full", training=training, seeds=seeds or 3, frames=200, router_frames=100, bins=200)


def smoke(seed: int, seeds: int = 0) -> MuirfScale:
    """Two steps of tiny networks, to try the command."""
    training = PaperCRun(
        name="reproduce_c_smoke",
        steps=2,
        batch=4,
        model=MuirfConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4),
        data=DataConfig(drives=2, frames_per_drive=1, height=64, width=96, crop=(32, 32)),
        seed=seed,
        validation_drives=1,
    )
    return MuirfScale(
        name="smoke",
        training=training,
        seeds=seeds or 2,
        frames=1,
        window=(32, 48),
        router_frames=2,
        bins=2,
        router=RouterTraining(2, (48, 48), 4, 1e-3),
    )


SCALES = {"quick": quick, "full": full, "smoke": smoke}
