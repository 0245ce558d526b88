"""Settings of MUIRF, its losses and its joint training (paper C: a reconstruction).

Only the abstract of paper C is public. All numbers here are decisions of this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from training.config import DataConfig, RunConfig
from training.multitask.combination import Method
from training.multitask.homogenisation import HomogenisationConfig
from training.multitask.reweighting import ReweightingConfig

Sharing = Literal["image", "relaxed", "frozen", "all", "none", "film"]
"""How the weathers share channels: chosen for each image (CPSM), by degrees, at random and for good, all, or none.

`film` shares all, and scales and shifts every channel by the weather.
"""

UpdateLength = Literal["own", "sum"]
"""Of the update by which the tasks' gradients are joined: as the method gives it, or as long as their sum."""


@dataclass(frozen=True)
class MuirfConfig:
    """Settings of MUIRF, a U-Net whose weathers share channels (paper C, abstract; a reconstruction).

    `weathers`: types that the router recognises, including clear. `experts`: score experts of the mixture that chooses
    channels. `patch`: side in pixels of the patches that the first convolution embeds, 1 for full size. `width`:
    channels of the first level, doubled at each further level. `blocks`: residual blocks of each level; the last level
    is the bottleneck. `ratio`: share of the channels that all weathers share at the start of training. `hidden`:
    channels of the router. `sharing`: `image` is CPSM, the others are for comparison. `clear_route`: the residual is
    scaled by 1 - p(clear), so that clear frames stay as they are, and the kernels are those of the other weathers
    alone; only if clear is among the weathers.
    """

    weathers: tuple[str, ...] = ("clear", "fog", "rain", "snow")
    experts: int = 4
    patch: int = 1
    width: int = 32
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    ratio: float = 0.7
    hidden: int = 32
    sharing: Sharing = "image"
    clear_route: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError with the name of the wrong field."""
        if len(set(self.weathers)) < max(1, len(self.weathers)):
            raise ValueError(f"weathers: name one or more, each once, got {self.weathers}")
        if self.experts < 1:
            raise ValueError(f"experts: must be 1 or more, got {self.experts}")
        if self.patch not in (1, 2, 4):
            raise ValueError(f"patch: 1, 2 or 4 pixels, got {self.patch}")
        if self.width < 2 or self.width % 2:
            raise ValueError(f"width: must be even and 2 or more, because the decoder halves it, got {self.width}")
        if not self.blocks or min(self.blocks) < 1:
            raise ValueError(f"blocks: one or more at every level, got {self.blocks}")
        if self.sharing not in get_args(Sharing):
            raise ValueError(f"sharing: one of {', '.join(get_args(Sharing))}, got {self.sharing}")
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio: of shared channels must be between 0 and 1, got {self.ratio}")

    @property
    def clear(self) -> int | None:
        """The number of the weather that takes the clear route, if there is one."""
        return self.weathers.index("clear") if self.clear_route and "clear" in self.weathers else None

    @property
    def stride(self) -> int:
        """Divisor of an image's height and width, which gives whole patches down to the last level."""
        return self.patch * 2 ** max(2, len(self.blocks) - 1)


@dataclass(frozen=True, kw_only=True)
class PaperCRun(RunConfig):
    """One run of joint training over all weathers, on street scenes with synthetic weather (paper C, abstract).

    It is a reconstruction. `router_steps`: steps in which only the router learns the weathers, before the joint
    `steps`. It tells weathers by statistics of the frame, so it learns from crops of `router_crop` (rows, columns),
    nearly a frame, and its posterior then rests; without steps of its own it learns in the joint stage, from
    `data.crop`. `tasks`: names of the numbers in `Example.weather`, from 0; they equal
    `model.weathers`. `batch` is a multiple of the number of tasks, `data.crop` a multiple of `model.stride`. `method`
    joins the tasks' gradients into an update of `update_length`; `homogenisation` has the settings of MVGH,
    `reweighting` those of ORI. `*_weight`: weights of the loss terms other than the Charbonnier distance.
    `sharing_ratio`: target of the share of shared channels, 0..1. `mask_rate`: factor of the learning rate of the
    weights that choose channels. `validation_drives`: procedural drives after those for training; a frame of each
    calibrates the router's temperature.
    """

    name: str = "paper_c"
    steps: int = 100_000
    router_steps: int = 0
    router_crop: tuple[int, int] = (288, 384)
    model: MuirfConfig = field(default_factory=MuirfConfig)
    data: DataConfig = field(default_factory=lambda: DataConfig(crop=(128, 128)))
    tasks: tuple[str, ...] = ("clear", "fog", "rain", "snow")
    method: Method = "mvgh"
    update_length: UpdateLength = "own"
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)
    reweighting: ReweightingConfig = field(default_factory=ReweightingConfig)
    edge_weight: float = 0.05
    weather_weight: float = 0.1
    balance_weight: float = 0.01
    sharing_weight: float = 0.1
    sharing_ratio: float = 0.7
    mask_rate: float = 1.0
    last_learning_rate: float = 1e-6
    validation_drives: int = 24

    def __post_init__(self) -> None:
        """Raises ValueError with the name of the wrong setting."""
        self.check_tasks(self.tasks, self.model.stride)
        if self.tasks != self.model.weathers:
            raise ValueError(
                f"tasks: {', '.join(self.tasks)} differ from the weathers that the network's router recognises, "
                f"{', '.join(self.model.weathers)}; give the same ones to both"
            )
        if self.router_steps and any(side % self.model.stride for side in self.router_crop):
            raise ValueError(f"router_crop: {self.router_crop} must be multiples of the stride, {self.model.stride}")
        if not self.mask_rate > 0:
            raise ValueError(f"mask_rate: a factor above 0, got {self.mask_rate}; 1 is the rate of all other weights")
        if self.update_length not in get_args(UpdateLength):
            raise ValueError(f"update_length: one of {', '.join(get_args(UpdateLength))}, got {self.update_length}")
        if self.validation_drives < 1:
            raise ValueError(f"validation_drives: the calibration needs one or more, got {self.validation_drives}")

    @property
    def restored(self) -> tuple[str, ...]:
        """The tasks whose restoration is learned: all but clear if clear frames stay as they are."""
        return tuple(task for number, task in enumerate(self.tasks) if number != self.model.clear)

    def of_tasks(self, tasks: Sequence[str]) -> "PaperCRun":
        """The run with these weathers, and the same number of examples per weather and step as before."""
        each = self.batch // len(self.tasks)
        model = replace(self.model, weathers=tuple(tasks))
        return replace(self, tasks=tuple(tasks), batch=each * len(tasks), model=model)


def paper_c() -> PaperCRun:
    """The network at full size, four levels; for a GPU."""
    return PaperCRun(router_steps=5000, model=MuirfConfig(clear_route=True))


def paper_c_small() -> PaperCRun:
    """Patches of 2, half the depth; for a night on a CPU."""
    return PaperCRun(
        name="paper_c_small",
        steps=10_000,
        router_steps=2000,
        last_learning_rate=1e-5,
        model=MuirfConfig(patch=2, width=24, blocks=(1, 1, 2), clear_route=True),
        data=DataConfig(crop=(96, 96)),
    )


def paper_c_quick() -> PaperCRun:
    """Patches of 4 and three narrow levels on small crops; minutes on a CPU."""
    return PaperCRun(
        name="paper_c_quick",
        steps=1500,
        router_steps=600,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=500,
        model=MuirfConfig(patch=4, width=16, blocks=(1, 1, 1), hidden=16, clear_route=True),
        data=DataConfig(drives=60, crop=(64, 64)),
    )


def paper_c_smoke() -> PaperCRun:
    """A few steps of a tiny network, for tests of the commands."""
    return PaperCRun(
        name="paper_c_smoke",
        steps=4,
        router_steps=1,
        router_crop=(64, 96),
        batch=4,
        checkpoint_every=2,
        model=MuirfConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4, clear_route=True),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 48)),
        validation_drives=2,
    )


PRESETS = {
    "paper_c": paper_c,
    "paper_c_small": paper_c_small,
    "paper_c_quick": paper_c_quick,
    "paper_c_smoke": paper_c_smoke,
}
