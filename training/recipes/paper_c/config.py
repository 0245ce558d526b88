"""Settings of the training of MUIRF: gradient homogenisation, losses, the joint run (paper C: a reconstruction).

Only the abstract of paper C is public. Every number here is a decision of this project.
"""

from dataclasses import dataclass, field
from typing import Literal

from training.config import DataConfig
from training.recipes.paper_b.config import ReweightingConfig
from training.recipes.paper_c.network_config import PaperCConfig, paper_c_quick, paper_c_small

Method = Literal["mvgh", "ori", "sum", "pcgrad", "cagrad", "mgda", "imtl_g", "nash_mtl"]
"""How the tasks' gradients become one: paper C's MVGH, paper B's ORI, and those of the torchjd library."""


@dataclass(frozen=True)
class HomogenisationConfig:
    """MVGH, the meta-vector-guided gradient homogenisation (paper C, abstract; a reconstruction).

    `magnitude`: bring all task gradients to their mean norm. `direction`: turn those towards the meta-vector whose
    cosine to it is below `least_cosine` (-1 to 0.99; 0: none may oppose it). `momentum`: of the meta-vector's moving
    average, 0 (this step's gradients alone) to less than 1.
    """

    magnitude: bool = True
    direction: bool = True
    least_cosine: float = 0.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        """Raises ValueError for a setting out of its bounds."""
        if not -1 <= self.least_cosine <= 0.99:
            raise ValueError(f"least_cosine: {self.least_cosine} is not in -1 .. 0.99; 0 is the default")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: {self.momentum} is not in 0 <= m < 1; at 1 the meta-vector would never move")


@dataclass(frozen=True)
class JointConfig:
    """One run of joint training over all weathers (paper C, abstract; a reconstruction).

    The router may learn to tell the weathers first, for `router_steps`; it goes on learning in the joint `steps`.

    `tasks` name the numbers in `Example.weather`, from 0, as the network's router does. `batch` is that of a step, and
    should be a multiple of the tasks: so many examples of each. `method` joins the tasks' gradients, with the settings
    of `homogenisation` if it is MVGH, or of `reweighting` if it is ORI. `*_weight`: of the loss's other terms beside
    the Charbonnier distance. `sharing_ratio`: the share of channels that is aimed at, 0..1.
    """

    steps: int = 100_000
    router_steps: int = 0
    tasks: tuple[str, ...] = ("clear", "fog", "rain", "snow")
    method: Method = "mvgh"
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)
    reweighting: ReweightingConfig = field(default_factory=ReweightingConfig)
    edge_weight: float = 0.05
    weather_weight: float = 0.1
    balance_weight: float = 0.01
    sharing_weight: float = 0.1
    sharing_ratio: float = 0.7
    seed: int = 0
    batch: int = 8
    learning_rate: float = 1e-3
    last_learning_rate: float = 1e-6
    gradient_clip: float = 0.0
    checkpoint_every: int = 1000


@dataclass(frozen=True)
class PaperCTrainConfig(JointConfig):
    """A run of MUIRF on street scenes with synthetic weather (paper C, abstract; a reconstruction).

    `data.crop` is a multiple of `model.stride`; the `tasks` are `model.weathers`. The router's temperature is fitted on
    a frame of each of `validation_drives` procedural drives, the next after those to train on.
    """

    name: str = "paper_c"
    model: PaperCConfig = field(default_factory=PaperCConfig)
    data: DataConfig = field(default_factory=lambda: DataConfig(crop=(128, 128)))
    validation_drives: int = 24

    def __post_init__(self) -> None:
        """Raises ValueError that names the setting at fault."""
        stride = self.model.stride
        if any(side % stride for side in self.data.crop):
            raise ValueError(f"data.crop: {self.data.crop} must be multiples of the network's stride, {stride}")
        if self.tasks != self.model.weathers:
            raise ValueError(
                f"tasks: {', '.join(self.tasks)} are not the weathers that the network's router tells apart, "
                f"{', '.join(self.model.weathers)}; give both alike"
            )
        if self.batch % len(self.tasks):
            raise ValueError(
                f"batch: {self.batch} is no multiple of the {len(self.tasks)} tasks {', '.join(self.tasks)}; each step "
                "takes equally many examples of each"
            )
        if self.validation_drives < 1:
            raise ValueError(f"validation_drives: {self.validation_drives}; one or more must calibrate the router")


def paper_c_run() -> PaperCTrainConfig:
    """The network at full size; for a GPU."""
    return PaperCTrainConfig()


def paper_c_small_run() -> PaperCTrainConfig:
    """The small network; for a night on a CPU."""
    data = DataConfig(crop=(96, 96))
    return PaperCTrainConfig(10_000, last_learning_rate=1e-5, name="paper_c_small", model=paper_c_small(), data=data)


def paper_c_quick_run() -> PaperCTrainConfig:
    """The quick network on small crops; minutes on a CPU."""
    data = DataConfig(drives=60, crop=(64, 64))
    return PaperCTrainConfig(
        1500,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=500,
        name="paper_c_quick",
        model=paper_c_quick(),
        data=data,
    )


def paper_c_smoke() -> PaperCTrainConfig:
    """A few steps of a tiny network, for tests of the commands."""
    model = PaperCConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4)
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 48))
    return PaperCTrainConfig(
        4, batch=4, checkpoint_every=2, name="paper_c_smoke", model=model, data=data, validation_drives=2
    )


PRESETS = {
    "paper_c": paper_c_run,
    "paper_c_small": paper_c_small_run,
    "paper_c_quick": paper_c_quick_run,
    "paper_c_smoke": paper_c_smoke,
}
