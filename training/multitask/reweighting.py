"""Computes the tasks' loss weights from the history of their losses (paper B, section 3.3): RCI, ACI, ORI.

Tensors are [T], with one element per task; a task without a loss so far is NaN in the history. `Collaboration` keeps
the history of a training run, the same in every process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Index = Literal["none", "rci", "aci", "ori"]
Strategy = Literal[Index, "static"]


STATIC_SUM = 1e-3
"""How far static weights may be from a sum of 1."""


@dataclass(frozen=True)
class ReweightingConfig:
    """How to weigh the tasks' losses (paper B, section 3.3); the paper gives no numbers.

    `strategy`: `none` (equal weights), `rci`, `aci`, or the paper's `ori` (RCI times ACI); the paper's table 7 compares
    all but `aci`. With `static`, the tasks have the weights of the field `static` for the whole training (0 or more, 1
    together): the means of another training's weights tell what their course adds to a mere preference. `momentum`: m
    of the losses' moving average, from 0 to less than 1. `temperature`: kappa of the softmax, above 0.
    """

    strategy: Strategy = "ori"
    momentum: float = 0.9
    temperature: float = 1.0
    static: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a setting out of its bounds."""
        if bool(self.static) != (self.strategy == "static"):
            raise ValueError(
                "static: the strategy `static` needs a weight for each task, and no other strategy has any"
            )
        if self.static and (min(self.static) < 0 or abs(sum(self.static) - 1) > STATIC_SUM):
            raise ValueError(f"static: {self.static} must be 0 or more and sum to 1")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: {self.momentum} is not in 0 <= m < 1; at 1 the average would never move")
        if not self.temperature > 0:
            raise ValueError(f"temperature: {self.temperature} is not above 0; 1 is the default")


class History(NamedTuple):
    """Each task's last loss, moving average and least loss, each [T]; NaN for a task without a loss so far.

    A task that is not in the batch keeps its last loss.
    """

    last_T: Tensor
    baseline_T: Tensor
    best_T: Tensor


class Balance(NamedTuple):
    """The tasks' weights, which sum to one, and the two indices behind them, each [T]."""

    weights_T: Tensor
    rci_T: Tensor
    aci_T: Tensor


def no_history(tasks: int) -> History:
    """The history before the first step."""
    return History(*(torch.full((tasks,), torch.nan) for _ in History._fields))


def reweigh(losses_T: Tensor, history: History, config: ReweightingConfig) -> tuple[Balance, History]:
    """The weights of this step, and the history after it.

    `losses_T` are this step's losses, 0 or more, NaN for a task that is not in the batch. The weights are constants
    without a gradient. They depend only on ratios of a task's losses, so the scale of a task does not matter.
    """
    history = remember(losses_T.detach(), history, config.momentum)
    rci_T, aci_T = relative_convergence(history), absolute_convergence(history)
    if config.strategy == "static":
        return Balance(rci_T.new_tensor(config.static), rci_T, aci_T), history
    index_T = {
        "none": torch.zeros_like(rci_T),
        "rci": rci_T,
        "aci": aci_T,
        "ori": rci_T * aci_T,
    }[config.strategy]
    return Balance(online_weights(index_T, config.temperature), rci_T, aci_T), history


def remember(losses_T: Tensor, history: History, momentum: float) -> History:
    """H = m * H + (1 - m) * L and L_opt = min(L_opt, L); both start at a task's first loss.

    A task without a loss in this step keeps its history. H includes this step's loss, as the equation's indices say.
    Losses are clamped to the smallest normal number, because zero has no logarithm.
    """
    losses_T = losses_T.clamp(min=torch.finfo(losses_T.dtype).tiny)
    last_T, baseline_T, best_T = (value_T.to(losses_T) for value_T in history)
    averaged_T = momentum * baseline_T + (1 - momentum) * losses_T
    seen = History(
        losses_T,
        torch.where(baseline_T.isnan(), losses_T, averaged_T),
        torch.fmin(best_T, losses_T),
    )
    absent_T = losses_T.isnan()
    before = History(last_T, baseline_T, best_T)
    return History(*(torch.where(absent_T, old_T, new_T) for old_T, new_T in zip(before, seen, strict=True)))


def relative_convergence(history: History) -> Tensor:
    """RCI, eta = L / H, [T]: above 1 if a task lags behind its recent trend; 1 for a task without a loss so far."""
    return (history.last_T / history.baseline_T).nan_to_num(nan=1.0)


def absolute_convergence(history: History) -> Tensor:
    """ACI, phi = ln(L / L_opt), [T], 0 or more: 0 at a task's best loss, and for a task without a loss so far."""
    return (history.last_T.log() - history.best_T.log()).nan_to_num(nan=0.0)


def online_weights(index_T: Tensor, temperature: float) -> Tensor:
    """ORI, lambda = softmax(index / kappa), [T], with index = eta * phi.

    The equation implies that a task at its best loss (phi = 0) has the least weight, whatever its eta, and that the
    weights are uniform if all tasks are at their best. This code keeps that.
    """
    return (index_T / temperature).softmax(dim=0)


Average = Callable[[Sequence[Tensor]], None]
"""A function that replaces tensors by their means over all processes."""


def alone(_tensors: Sequence[Tensor]) -> None:
    """The average over a single process: leaves the tensors unchanged."""


class Collaboration:
    """The state of the reweighting of `tasks` tasks; a Memory of training.loop.stages."""

    def __init__(self, config: ReweightingConfig, tasks: int, average: Average = alone) -> None:
        self.history = no_history(tasks)
        self.balance: Balance | None = None
        self.factors_T = torch.zeros(tasks)
        self.steps, self.summed_T = torch.zeros(()), torch.zeros(tasks)
        self._config = config
        self._average = average

    @torch.no_grad()
    def advance(self, sums_T: Tensor, counts_T: Tensor) -> None:
        """Add one step to the history, and set `balance` and `factors_T`.

        `sums_T`: each task's summed loss, `counts_T`: its number of examples; both are means over the micro-batches,
        and this method averages them over the processes. Multiply the summed losses of one micro-batch by `factors_T`:
        their mean over all micro-batches and processes is then the sum over the tasks of weight * mean loss. The factor
        of a task without an example is 0.
        """
        sums_T, counts_T = sums_T.float().clone(), counts_T.float().clone()
        self._average([sums_T, counts_T])
        self.balance, self.history = reweigh(sums_T / counts_T, self.history, self._config)
        self.factors_T = torch.where(counts_T > 0, self.balance.weights_T / counts_T, 0.0)
        self.steps, self.summed_T = self.steps + 1, self.summed_T.to(counts_T) + self.balance.weights_T

    @property
    def mean_weights_T(self) -> Tensor:
        """The mean weights over all steps so far."""
        return self.summed_T / self.steps

    def state_dict(self) -> dict[str, Tensor]:
        """The history, the number of steps and the sum of their weights."""
        return self.history._asdict() | {"steps": self.steps, "summed_T": self.summed_T}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with this history; raises ValueError if it has another number of tasks."""
        history = History(*(state[name] for name in History._fields))
        if history.last_T.shape != self.history.last_T.shape:
            raise ValueError(f"a history of {len(history.last_T)} tasks; this run has {len(self.history.last_T)}")
        self.history = history
        self.steps, self.summed_T = state["steps"], state["summed_T"]
