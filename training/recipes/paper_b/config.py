"""Settings of paper B's loss, task reweighting and training; the defaults are the paper's, where it gives them."""

from dataclasses import dataclass, field
from typing import Literal

from training.config import DataConfig, PairedSetConfig
from training.recipes.paper_b.network_config import PaperBConfig, RoutingConfig, paper_b_quick, paper_b_small

Strategy = Literal["none", "rci", "aci", "ori"]


@dataclass(frozen=True)
class MultiScaleLossConfig:
    """Weights of the loss's three terms (paper B, section 3.4)."""

    charbonnier: float = 1.0
    edge: float = 0.05
    frequency: float = 0.01


@dataclass(frozen=True)
class ReweightingConfig:
    """How the tasks' losses are weighed (paper B, section 3.3); the paper gives no number for either setting.

    `strategy` is the ablation of table 7: `none` (equal weights), `rci` alone, `ori` (RCI and ACI together, the paper's
    own), and `aci` alone, which the table leaves out. `momentum`: m of the losses' moving average, 0 to less than 1.
    `temperature`: kappa of the softmax, above 0.
    """

    strategy: Strategy = "ori"
    momentum: float = 0.9
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for a setting out of its bounds."""
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: {self.momentum} is not in 0 <= m < 1; at 1 the average would never move")
        if not self.temperature > 0:
            raise ValueError(f"temperature: {self.temperature} is not above 0; 1 is the default")


@dataclass(frozen=True)
class CollaborationConfig:
    """One run of multi-task collaborative training (paper B, sections 3.3, 3.4 and 4.1), whatever the network.

    `tasks` name the numbers in `Example.weather`, from 0; clear frames are a task only where `clear` is among them.
    `batch` is that of a step, and should be a multiple of the tasks: one example of each. The paper trains 300,000
    steps at batch 1, from `learning_rate` to `last_learning_rate` along a cosine.
    """

    steps: int = 300_000
    tasks: tuple[str, ...] = ("fog", "rain", "snow")
    loss: MultiScaleLossConfig = field(default_factory=MultiScaleLossConfig)
    reweighting: ReweightingConfig = field(default_factory=ReweightingConfig)
    seed: int = 0
    batch: int = 3
    learning_rate: float = 2e-4
    last_learning_rate: float = 1e-6
    gradient_clip: float = 0.0
    checkpoint_every: int = 1000


@dataclass(frozen=True)
class PaperBTrainConfig(CollaborationConfig):
    """A run of MOE-WIRNet: on street scenes with synthetic weather, or on `pairs`, whose weathers are then the tasks.

    `data.crop` is a multiple of `model.stride`. The paper names no size of its training crops.
    """

    name: str = "paper_b"
    model: PaperBConfig = field(default_factory=PaperBConfig)
    data: DataConfig = field(default_factory=lambda: DataConfig(crop=(128, 128)))
    pairs: PairedSetConfig = field(default_factory=PairedSetConfig)

    def __post_init__(self) -> None:
        """Raises ValueError that names the setting at fault."""
        stride = self.model.stride
        if any(side % stride for side in self.data.crop):
            raise ValueError(f"data.crop: {self.data.crop} must be multiples of the network's stride, {stride}")
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise ValueError(f"tasks: name one or more, each once, got {self.tasks}")
        if self.batch % len(self.tasks):
            raise ValueError(
                f"batch: {self.batch} is no multiple of the {len(self.tasks)} tasks {', '.join(self.tasks)}; each step "
                "takes equally many examples of each"
            )


def paper_b() -> PaperBTrainConfig:
    """The paper's network, rate and number of steps on our own street scenes; for a GPU."""
    return PaperBTrainConfig()


def paper_b_small_run() -> PaperBTrainConfig:
    """The small network, with a rate for fewer steps; for a night on a CPU."""
    return PaperBTrainConfig(10_000, learning_rate=5e-4, name="paper_b_small", model=paper_b_small())


def paper_b_quick_run() -> PaperBTrainConfig:
    """The quick network on small crops; minutes on a CPU."""
    data = DataConfig(drives=60, crop=(64, 64))
    return PaperBTrainConfig(
        1500, batch=6, learning_rate=1e-3, name="paper_b_quick", model=paper_b_quick(), data=data, checkpoint_every=500
    )


def paper_b_smoke() -> PaperBTrainConfig:
    """A few steps of a tiny network, for tests of the commands."""
    model = PaperBConfig(6, (1, 1, 1, 1), 1, window=2, patch=2, decoder=RoutingConfig("argmax"))
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 48))
    return PaperBTrainConfig(4, name="paper_b_smoke", model=model, data=data, checkpoint_every=2)


PRESETS = {
    "paper_b": paper_b,
    "paper_b_small": paper_b_small_run,
    "paper_b_quick": paper_b_quick_run,
    "paper_b_smoke": paper_b_smoke,
}
