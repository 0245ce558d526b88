"""Paper C's rows and their size: ways to join the weathers' gradients and to share channels. A reconstruction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from training.config import DataConfig
from training.multitask.combination import Method, build
from training.multitask.homogenisation import HomogenisationConfig
from training.recipes.paper_c.config import MuirfConfig, PaperCRun, Sharing, paper_c_quick
from training.reproduce.study import Scale, Trial


@dataclass(frozen=True)
class MethodRow:
    """A way to join the gradients, or to share channels: its name in the command and its folders, its title, settings.

    `mask_rate`: factor of the learning rate of the weights that choose channels.
    """

    name: str
    title: str
    method: Method
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)
    sharing: Sharing = "image"
    mask_rate: float = 1.0


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
    MethodRow("mvgh_inner_loop", "MVGH, inner loop", "mvgh", HomogenisationConfig(meta="inner_loop")),
    MethodRow("plain_unet", "sum, plain U-Net", "sum", sharing="all"),
    MethodRow("film", "sum, FiLM U-Net", "sum", sharing="film"),
    MethodRow("nothing_shared", "sum, nothing shared", "sum", sharing="none"),
    MethodRow("frozen_mask", "sum, frozen random mask", "sum", sharing="frozen"),
    MethodRow("relaxed_mask", "sum, relaxed mask", "sum", sharing="relaxed", mask_rate=10.0),
    MethodRow(OURS, "MVGH", "mvgh"),
)
"""The rows `sum, ...` share channels in another way; all others by CPSM. `sum` is the one to compare them with."""

NAMES = tuple(row.name for row in ROWS)
SHARING = tuple(row.name for row in ROWS if row.sharing != "image")


def available(names: Sequence[str]) -> tuple[list[MethodRow], list[str]]:
    """The rows of these names whose solvers are installed, always with MVGH, and a line for each of the others."""
    settings, found, absent = PaperCRun(), [], []
    for row in ROWS:
        if row.name in names or row.name == OURS:
            try:
                build(row.method, len(settings.restored), row.homogenisation, settings.reweighting)
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
    the frame, and learns them from crops that are nearly frames. A router decides, so whole frames judge all rows.

    `row_seeds`: the number of seeds of rows that have another one than `seeds`. `router_frames` of every set of unseen
    drives judge the router in each weather. Curves over the training have `bins` points.
    """

    training: PaperCRun
    router_frames: int
    bins: int
    router: RouterTraining | None = None
    row_seeds: Mapping[str, int] = field(default_factory=dict)

    def trials(self, rows: Sequence[str]) -> list[Trial]:
        """The trainings of the rows, seed by seed; all rows begin with the same seed."""
        first, counts = self.training.seed, {row: self.row_seeds.get(row, self.seeds) for row in rows}
        return [
            Trial(row, first + number) for number in range(max(counts.values())) for row in rows if number < counts[row]
        ]


NIGHT_SEEDS = {SUM: 10, "frozen_mask": 10, "nothing_shared": 10, "plain_unet": 3, "film": 3}
"""Seeds of the night's rows that do not have five: the choice of channels is worth little, if anything."""


def quick(seed: int, seeds: int = 0) -> MuirfScale:
    """14 rows with three seeds in about an hour on two CPU cores."""
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
        router_frames=40,
        bins=40,
        router=RouterTraining(600, (288, 384), 8, 4e-3),
    )


def night(seed: int, seeds: int = 0) -> MuirfScale:
    """The quick network, trained long enough to tell rows apart that differ by two tenths of a dB; hours on a CPU."""
    short = quick(seed, seeds or 5)
    training = replace(short.training, name="reproduce_c_night", steps=3500, checkpoint_every=500)
    router, row_seeds = RouterTraining(1500, (288, 384), 8, 4e-3), {} if seeds else NIGHT_SEEDS
    return replace(short, name="night", training=training, frames=24, router=router, row_seeds=row_seeds)


def full(seed: int, seeds: int = 0) -> MuirfScale:
    """The network at full size, on a GPU."""
    training = PaperCRun(
        name="reproduce_c",
        model=MuirfConfig(clear_route=True),
        data=DataConfig(crop=(128, 128), camvid_share=0.7),
        seed=seed,
    )
    return MuirfScale(
        name="full",
        training=training,
        seeds=seeds or 3,
        frames=200,
        router_frames=100,
        bins=200,
        router=RouterTraining(5000, (288, 384), 16, 1e-3),
    )


def smoke(seed: int, seeds: int = 0) -> MuirfScale:
    """Two steps of tiny networks, to try the command."""
    training = PaperCRun(
        name="reproduce_c_smoke",
        steps=2,
        batch=4,
        model=MuirfConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4, clear_route=True),
        data=DataConfig(drives=2, frames_per_drive=1, height=64, width=96, crop=(32, 32)),
        seed=seed,
        validation_drives=1,
    )
    return MuirfScale(
        name="smoke",
        training=training,
        seeds=seeds or 2,
        frames=1,
        router_frames=2,
        bins=2,
        router=RouterTraining(2, (48, 48), 4, 1e-3),
    )


SCALES = {"quick": quick, "night": night, "full": full, "smoke": smoke}
