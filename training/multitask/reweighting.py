"""Loss weights of several tasks from the history of their losses (paper B, section 3.3): RCI, ACI, ORI.

Pure functions of [T] tensors, one element a task. A task that has had no loss yet is NaN throughout the history.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Strategy = Literal["none", "rci", "aci", "ori"]


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


class History(NamedTuple):
    """What is kept of the losses, each [T] and NaN for a task not seen yet: the last, their moving average, the least.

    The last one stands in for a task that is not in the batch.
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
    """Before the first step."""
    return History(*(torch.full((tasks,), torch.nan) for _ in History._fields))


def reweigh(losses_T: Tensor, history: History, config: ReweightingConfig) -> tuple[Balance, History]:
    """The weights of this step, and the history after it.

    `losses_T` are this step's, one a task, not negative, NaN for a task that is not in the batch. The weights are
    constants: no gradient passes. They depend on ratios of a task's losses alone, so a task's scale does not matter.
    """
    history = remember(losses_T.detach(), history, config.momentum)
    rci_T, aci_T = relative_convergence(history), absolute_convergence(history)
    index_T = {
        "none": torch.zeros_like(rci_T),
        "rci": rci_T,
        "aci": aci_T,
        "ori": rci_T * aci_T,
    }[config.strategy]
    return Balance(online_weights(index_T, config.temperature), rci_T, aci_T), history


def remember(losses_T: Tensor, history: History, momentum: float) -> History:
    """H = m * H + (1 - m) * L and L_opt = min(L_opt, L); a first loss is both. Nothing changes for a task without one.

    The average contains the step's own loss, as the equation's indices say. Losses are at least the smallest normal
    number: a perfect zero has no logarithm.
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
    """RCI, eta = L / H, [T]: above 1 where a task lags behind its own recent trend; 1 for a task not seen yet."""
    return (history.last_T / history.baseline_T).nan_to_num(nan=1.0)


def absolute_convergence(history: History) -> Tensor:
    """ACI, phi = ln(L / L_opt), [T], never negative: 0 at a task's best, and for a task not seen yet."""
    return (history.last_T.log() - history.best_T.log()).nan_to_num(nan=0.0)


def online_weights(index_T: Tensor, temperature: float) -> Tensor:
    """ORI, lambda = softmax(index / kappa), [T], with index = eta * phi.

    The product is 0 wherever phi is: a task at its best has the least weight there is, however its eta stands, and when
    all are at their best the weights are uniform. That follows from the equation and is kept.
    """
    return (index_T / temperature).softmax(dim=0)
