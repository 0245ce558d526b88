"""Settings of the training of MUIRF: gradient homogenisation, losses, the joint run (paper C: a reconstruction).

Only the abstract of paper C is public. Every number here is a decision of this project.
"""

from dataclasses import dataclass, field
from typing import Literal

from training.paper_b_train_config import ReweightingConfig

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

    `tasks` name the numbers in `Example.weather`, from 0, as the network's router does. `batch` is that of a step, and
    should be a multiple of the tasks: so many examples of each. `method` joins the tasks' gradients, with the settings
    of `homogenisation` if it is MVGH, or of `reweighting` if it is ORI. `*_weight`: of the loss's other terms beside
    the Charbonnier distance. `sharing_ratio`: the share of channels that is aimed at, 0..1.
    """

    steps: int = 100_000
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
