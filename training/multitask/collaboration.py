"""Keeps the history of the tasks' losses and the weights of a training run, the same in every process."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from training.multitask.reweighting import Balance, History, ReweightingConfig, no_history, reweigh

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

    def state_dict(self) -> dict[str, Tensor]:
        """The history."""
        return self.history._asdict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with this history; raises ValueError if it has another number of tasks."""
        history = History(*(state[name] for name in History._fields))
        if history.last_T.shape != self.history.last_T.shape:
            raise ValueError(f"a history of {len(history.last_T)} tasks; this run has {len(self.history.last_T)}")
        self.history = history
