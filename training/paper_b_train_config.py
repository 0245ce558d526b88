"""Settings of paper B's loss, task reweighting and training; the defaults are the paper's, where it gives them."""

from dataclasses import dataclass, field
from typing import Literal

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
