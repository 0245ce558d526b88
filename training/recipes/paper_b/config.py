"""Settings of paper B's MOE-WIRNet, its loss and its training; the numbers are the paper's if it gives any."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from training.config import DataConfig, PairedSetConfig, RunConfig
from training.multitask.reweighting import ReweightingConfig

Expert = Literal["channel", "spatial", "frequency"]
Routing = Literal["soft", "uniform", "argmax", "top_k"]
Gating = Literal["learned", "image"]

EXPERTS: tuple[Expert, ...] = get_args(Expert)
ROUTINGS: tuple[Routing, ...] = get_args(Routing)
LEVELS = 4


@dataclass(frozen=True)
class RoutingConfig:
    """Routing of the encoder's or the decoder's experts (paper B, section 3.2; METHODS B6 and B7).

    `kind`: `soft` is a softmax over the gates. The paper defines hard routing in three ways: `uniform` (equal weights,
    sections 3.1 and 4.5), `argmax` (only the largest gate, section 3.2) and `top_k` (a softmax over the `kept` largest
    gates, section 1). `gating`: the gates are `learned` parameters, as printed, or with `image` these plus a linear map
    of the level's mean features, because the text claims that routing adapts to the image and the formula does not.
    """

    kind: Routing = "soft"
    gating: Gating = "learned"
    kept: int = 2


@dataclass(frozen=True)
class MoeWirNetConfig:
    """Settings of MOE-WIRNet (paper B, sections 3.1 and 3.2); the defaults are at the paper's scale.

    `width`: channels at full size, doubled at every level; a multiple of the number of experts, which divide them.
    `stem`: stride of the first convolution, 1 (as in the paper) or 2, where the first level works at half the size.
    `blocks`: MoE modules per level. `heads`: attention heads per level (section 4.1). `window`: side of the spatial
    expert's windows in pixels of the level, None for the whole image (as in the paper; only for small images of one
    size). `share`: share of the keys that a query keeps, 0..1 (the paper's k). `patch`: side of the frequency expert's
    patches, even. `plain`: every expert is a 3x3 convolution, to see what the experts' kinds add. `clear_route`: the
    residual is scaled by 1 - p(clear), p from the first features; this project's own, for runs with clear frames among
    the tasks. The paper gives the heads and k; width and depth are those of Restormer (its reference 27), the
    source of its heads.
    """

    width: int = 48
    blocks: tuple[int, int, int, int] = (4, 6, 6, 8)
    refinement_blocks: int = 4
    heads: tuple[int, int, int, int] = (1, 2, 4, 8)
    experts: tuple[Expert, ...] = EXPERTS
    encoder: RoutingConfig = RoutingConfig("soft")
    decoder: RoutingConfig = RoutingConfig("uniform")
    window: int | None = 8
    share: float = 0.7
    patch: int = 8
    stem: int = 1
    plain: bool = False
    clear_route: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError with the name of the wrong field."""
        unknown = [name for name in self.experts if name not in EXPERTS]
        if unknown or not self.experts or len(set(self.experts)) != len(self.experts):
            raise ValueError(f"experts: name one or more of {EXPERTS}, each once, got {self.experts}")
        if self.width % len(self.experts):
            raise ValueError(f"width: {self.width} channels cannot be split among {len(self.experts)} experts")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: of the keys kept must be above 0 and at most 1, got {self.share}")
        if self.stem not in (1, 2):
            raise ValueError(f"stem: a stride of 1 or 2, got {self.stem}")
        window = self.window or self.patch
        if self.patch % 2 or (window % self.patch and self.patch % window):
            raise ValueError(f"patch: must be even, and divide the window or be its multiple, got {self.patch}")
        for side in (self.encoder, self.decoder):
            if side.kind == "top_k" and not 1 <= side.kept <= len(self.experts):
                raise ValueError(f"kept: 1 to {len(self.experts)} of the experts, got {side.kept}")

    @property
    def stride(self) -> int:
        """Divisor of an image's height and width, which gives whole windows and patches at the deepest level."""
        return self.stem * 2 ** (LEVELS - 1) * max(self.window or 1, self.patch)


@dataclass(frozen=True)
class MultiScaleLossConfig:
    """Weights of the three terms of the loss (paper B, section 3.4)."""

    charbonnier: float = 1.0
    edge: float = 0.05
    frequency: float = 0.01


@dataclass(frozen=True, kw_only=True)
class PaperBRun(RunConfig):
    """One run of multi-task collaborative training (paper B, sections 3.3, 3.4 and 4.1).

    It learns from street scenes with synthetic weather, or from `pairs`, whose weathers then are the tasks. `tasks`:
    names of the numbers in `Example.weather`, from 0; clear frames are a task only if `clear` is one of them. `batch`
    is a multiple of the number of tasks, with the same number of examples of each. `data.crop` is a multiple of
    `model.stride`. `gate_rate`: factor of the gates' learning rate; at 1 they stay near where they start, because Adam
    moves each by no more than the sum of the rates. `clear_weight`: weight of the cross-entropy of p(clear), with
    `model.clear_route`. The paper trains 300,000 steps with batch 1, from `learning_rate` to `last_learning_rate` along
    a cosine, and does not give the size of its crops.
    """

    name: str = "paper_b"
    steps: int = 300_000
    model: MoeWirNetConfig = field(default_factory=MoeWirNetConfig)
    data: DataConfig = field(default_factory=lambda: DataConfig(crop=(128, 128)))
    pairs: PairedSetConfig = field(default_factory=PairedSetConfig)
    tasks: tuple[str, ...] = ("fog", "rain", "snow")
    loss: MultiScaleLossConfig = field(default_factory=MultiScaleLossConfig)
    reweighting: ReweightingConfig = field(default_factory=ReweightingConfig)
    batch: int = 3
    learning_rate: float = 2e-4
    last_learning_rate: float = 1e-6
    gate_rate: float = 1.0
    clear_weight: float = 0.1

    def __post_init__(self) -> None:
        """Raises ValueError with the name of the wrong setting."""
        self.check_tasks(self.tasks, self.model.stride)
        if not self.gate_rate > 0:
            raise ValueError(f"gate_rate: a factor above 0, got {self.gate_rate}; 1 is the rate of all other weights")
        if self.reweighting.static and len(self.reweighting.static) != len(self.tasks):
            raise ValueError(f"static: {len(self.reweighting.static)} weights for the {len(self.tasks)} tasks")
        if self.model.clear_route and "clear" not in self.tasks:
            raise ValueError(f"clear_route: needs clear among the tasks, which are {', '.join(self.tasks)}")

    def of_tasks(self, tasks: Sequence[str]) -> "PaperBRun":
        """The run with these tasks, and the same number of examples per task and step as before."""
        each = self.batch // len(self.tasks)
        return replace(self, tasks=tuple(tasks), batch=each * len(tasks))


def paper_b() -> PaperBRun:
    """The paper's network, rate and number of steps on street scenes; for a GPU."""
    return PaperBRun()


def paper_b_small() -> PaperBRun:
    """Half the width, a third of the depth, and a rate for fewer steps; for a night on a CPU."""
    model = MoeWirNetConfig(width=24, blocks=(2, 2, 2, 2), refinement_blocks=2)
    return PaperBRun(name="paper_b_small", steps=10_000, learning_rate=5e-4, model=model)


def paper_b_quick() -> PaperBRun:
    """One block per level, windows and patches of 4, crops of 64; minutes on a CPU."""
    return PaperBRun(
        name="paper_b_quick",
        steps=1500,
        batch=6,
        learning_rate=1e-3,
        model=MoeWirNetConfig(width=12, blocks=(1, 1, 1, 1), refinement_blocks=1, window=4, patch=4),
        data=DataConfig(drives=60, crop=(64, 64)),
        checkpoint_every=500,
    )


def paper_b_smoke() -> PaperBRun:
    """A few steps of a tiny network, for tests of the commands."""
    model = MoeWirNetConfig(6, (1, 1, 1, 1), 1, window=2, patch=2, decoder=RoutingConfig("argmax"))
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 48))
    return PaperBRun(name="paper_b_smoke", steps=4, model=model, data=data, checkpoint_every=2)


PRESETS = {
    "paper_b": paper_b,
    "paper_b_small": paper_b_small,
    "paper_b_quick": paper_b_quick,
    "paper_b_smoke": paper_b_smoke,
}
