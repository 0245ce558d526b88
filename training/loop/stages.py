"""Describes a training as data: stages run in order, and each stage runs its phases in turn at every step."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

Networks = Mapping[str, nn.Module]


class TaskLoss(NamedTuple):
    """One task's mean loss over its examples in a batch, and their number; with 0 examples the loss is ignored."""

    mean: Tensor
    examples: int


@dataclass(frozen=True)
class Outcome:
    """The result of an objective on one batch.

    Training minimises the sum of `terms`, which are weighted already. `scores` (scalars) and `images` ([B, 3, H, W],
    0..1) are for people to watch and give no gradient. `tasks` are all the tasks' losses by name, in a phase that joins
    tasks: training minimises their mean over the examples, except that the phase decides how to join their gradients.
    """

    terms: Mapping[str, Tensor]
    scores: Mapping[str, Tensor] = field(default_factory=dict)
    images: Mapping[str, Tensor] = field(default_factory=dict)
    tasks: Mapping[str, TaskLoss] = field(default_factory=dict)


class Memory(Protocol):
    """State that an objective keeps from step to step, besides the weights; checkpoints save it."""

    def state_dict(self) -> dict[str, Tensor]:
        """The whole state, the same in every process."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from this state."""
        ...


class Combination(Memory, Protocol):
    """Joins the gradients of several tasks on their shared parameters."""

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Gradients [T, P] and losses [T] of the step's tasks -> update [P] and scores, the same in every process.

        A task without an example has a gradient of zeros and a loss of NaN.
        """
        ...


@dataclass(frozen=True)
class Join:
    """How a phase joins the gradients of `tasks`, named as in its objective's outcomes.

    `combination` joins them on the `shared` parameters, from each task's mean gradient over its examples of the step.
    The phase's other parameters take the plain gradient of the tasks' losses. The gradient of the outcome's `terms`
    is added to both.
    """

    tasks: tuple[str, ...]
    shared: Callable[[Networks], Sequence[nn.Parameter]]
    combination: Combination


Rates = Mapping[float, Sequence[nn.Parameter]]
"""Parameters by the factor of their learning rate; a factor of 0 freezes them."""


def one_rate(_networks: Networks) -> Rates:
    """No parameter has a rate of its own."""
    return {}


@dataclass(frozen=True)
class Phase:
    """One optimiser step of `networks`; gradients flow through the other networks, but not to their weights.

    `learning_rate`: the rate as a function of the stage's step, from 0. `rates`: parameters that learn faster or slower
    than this rate, or not at all. `optimizer` takes the groups of parameters. `prepare` runs on all micro-batches of a
    step before the objective does. `memory`: the objective's state; with `join`, the combination keeps the state
    instead.
    """

    name: str
    networks: tuple[str, ...]
    objective: Callable[[Any, Networks], Outcome]
    optimizer: Callable[[Iterable[dict[str, Any]]], Optimizer]
    learning_rate: Callable[[int], float]
    prepare: Callable[[Sequence[Any], Networks], None] | None = None
    memory: Memory | None = None
    join: Join | None = None
    rates: Callable[[Networks], Rates] = one_rate


@dataclass(frozen=True)
class Stage:
    """All `phases` in turn, `steps` times; a GAN has two phases, one for its discriminator and one for its generator.

    A network that no phase trains is frozen: it is in evaluation mode, and its weights take no gradient.
    """

    name: str
    steps: int
    phases: tuple[Phase, ...]

    @property
    def trains(self) -> frozenset[str]:
        """Names of the networks that this stage trains."""
        return frozenset(name for phase in self.phases for name in phase.networks)


def with_rates(stage: Stage, rates: Callable[[Networks], Rates]) -> Stage:
    """The stage, with the same rates in each of its phases."""
    return replace(stage, phases=tuple(replace(phase, rates=rates) for phase in stage.phases))


def total_steps(stages: Sequence[Stage]) -> int:
    """The number of steps of all stages together."""
    return sum(stage.steps for stage in stages)


def locate(stages: Sequence[Stage], step: int) -> tuple[Stage, int]:
    """The stage at step `step` of the run, and the number of that step within the stage.

    After the last step it is the last stage, because a longer run continues there.
    """
    for stage in stages[:-1]:
        if step < stage.steps:
            return stage, step
        step -= stage.steps
    return stages[-1], step


def check(stages: Sequence[Stage], networks: Networks) -> None:
    """Raises ValueError if the stages cannot run on these networks."""
    if not stages:
        raise ValueError("no stages: there is nothing to train")
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names):
        raise ValueError(f"two stages have the same name: {names}; a checkpoint could not tell them apart")
    for stage in stages:
        phases = [phase.name for phase in stage.phases]
        if not phases or len(set(phases)) < len(phases):
            raise ValueError(f"stage {stage.name!r}: needs one or more phases with different names, has {phases}")
        unknown = sorted(stage.trains - set(networks))
        if unknown:
            raise ValueError(f"stage {stage.name!r} trains {unknown}, but the networks are {sorted(networks)}")


def masks_of_tasks(tasks_B: Tensor, tasks: Sequence[str]) -> list[Tensor]:
    """Each task's examples as a mask [B]; raises ValueError for an example of an unknown task."""
    if not bool(((tasks_B >= 0) & (tasks_B < len(tasks))).all()):
        raise ValueError(
            f"examples of the tasks {sorted(set(tasks_B.tolist()))}, but the tasks are {dict(enumerate(tasks))}; name "
            "all degradations of the data in `tasks`, including clear"
        )
    return [tasks_B == task for task in range(len(tasks))]


def warmup_cosine(peak: float, warmup: int, steps: int) -> Callable[[int], float]:
    """A learning rate that rises linearly for `warmup` steps, then falls along a cosine to 1 % of the peak."""

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        progress = (step - warmup) / max(1, steps - warmup)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    return rate


def cosine(start: float, end: float, steps: int) -> Callable[[int], float]:
    """A learning rate that falls from `start` to `end` along half a cosine, and stays at `end` after the last step."""

    def rate(step: int) -> float:
        progress = min(1.0, step / max(1, steps - 1))
        return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))

    return rate


def constant(rate: float) -> Callable[[int], float]:
    """A constant learning rate."""
    return lambda _step: rate
