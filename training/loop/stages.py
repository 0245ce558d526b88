"""Training as data: stages that run in order, each a list of phases that are walked every step."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

Networks = Mapping[str, nn.Module]


class TaskLoss(NamedTuple):
    """One task's mean loss over its examples in a batch, and their number; any loss counts for nothing without one."""

    mean: Tensor
    examples: int


@dataclass(frozen=True)
class Outcome:
    """What an objective found on one batch.

    The sum of `terms`, weighted already, is minimised. `scores` (scalars) and `images` ([B, 3, H, W], 0..1) are for
    people to watch; no gradient is taken of them. `tasks` are the losses of a phase that joins tasks, all of them by
    name: what is minimised of them is their mean over the examples, but for how the phase joins their gradients.
    """

    terms: Mapping[str, Tensor]
    scores: Mapping[str, Tensor] = field(default_factory=dict)
    images: Mapping[str, Tensor] = field(default_factory=dict)
    tasks: Mapping[str, TaskLoss] = field(default_factory=dict)


class Memory(Protocol):
    """What an objective remembers from step to step, beside the weights; checkpoints keep it."""

    def state_dict(self) -> dict[str, Tensor]:
        """All of it, the same in every process."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state."""
        ...


class Combination(Memory, Protocol):
    """Joins the gradients of several tasks on the parameters that they share."""

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Gradients and losses of the step's tasks, zeros and NaN for a task without an example -> update [P], scores.

        The same in every process.
        """
        ...


@dataclass(frozen=True)
class Join:
    """How a phase joins the gradients of `tasks`, the names in its objective's outcomes.

    On the `shared` parameters by `combination`, from each task's mean gradient over the step's examples of it. All
    other parameters of the phase keep their own gradient, as does what the outcome's `terms` say of any.
    """

    tasks: tuple[str, ...]
    shared: Callable[[Networks], Sequence[nn.Parameter]]
    combination: Combination


@dataclass(frozen=True)
class Phase:
    """One optimiser step of `networks`; gradients flow through all the others and stop at none but their weights.

    `learning_rate` gives the rate at a step of the stage, counted from 0. `prepare` sees all micro-batches of a step
    before its first objective does. `memory` is what the objective remembers; with `join`, its combination does.
    """

    name: str
    networks: tuple[str, ...]
    objective: Callable[[Any, Networks], Outcome]
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    learning_rate: Callable[[int], float]
    prepare: Callable[[Sequence[Any], Networks], None] | None = None
    memory: Memory | None = None
    join: Join | None = None


@dataclass(frozen=True)
class Stage:
    """`steps` times all `phases` in turn; a GAN has two, its discriminator's and its generator's.

    A network of none of the phases is frozen: in evaluation mode, and its weights take no gradient.
    """

    name: str
    steps: int
    phases: tuple[Phase, ...]

    @property
    def trains(self) -> frozenset[str]:
        """Names of the networks that learn in this stage."""
        return frozenset(name for phase in self.phases for name in phase.networks)


def total_steps(stages: Sequence[Stage]) -> int:
    """Steps of all stages together."""
    return sum(stage.steps for stage in stages)


def locate(stages: Sequence[Stage], step: int) -> tuple[Stage, int]:
    """The stage that does step number `step` of the run, and which of the stage's own steps it is.

    Behind the last step it is the last stage, which a lengthened run goes on with.
    """
    for stage in stages[:-1]:
        if step < stage.steps:
            return stage, step
        step -= stage.steps
    return stages[-1], step


def check(stages: Sequence[Stage], networks: Networks) -> None:
    """Raises ValueError for stages that cannot run on these networks."""
    if not stages:
        raise ValueError("no stages: there is nothing to train")
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names):
        raise ValueError(f"two stages have one name: {names}; a checkpoint could not tell them apart")
    for stage in stages:
        phases = [phase.name for phase in stage.phases]
        if not phases or len(set(phases)) < len(phases):
            raise ValueError(f"stage {stage.name!r}: needs phases, each with a name of its own, has {phases}")
        unknown = sorted(stage.trains - set(networks))
        if unknown:
            raise ValueError(f"stage {stage.name!r} trains {unknown}, but the networks are {sorted(networks)}")


def warmup_cosine(peak: float, warmup: int, steps: int) -> Callable[[int], float]:
    """A learning rate that climbs linearly for `warmup` steps, then follows a cosine down to 1 % of the peak."""

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        progress = (step - warmup) / max(1, steps - warmup)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    return rate


def cosine(start: float, end: float, steps: int) -> Callable[[int], float]:
    """A learning rate that falls from `start` to `end` along half a cosine, and stays there behind the last step."""

    def rate(step: int) -> float:
        progress = min(1.0, step / max(1, steps - 1))
        return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))

    return rate


def constant(rate: float) -> Callable[[int], float]:
    """A learning rate that stays."""
    return lambda _step: rate
