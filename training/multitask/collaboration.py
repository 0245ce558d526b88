"""The history of the tasks' losses as a training run keeps it: one entry a step, the same in every process."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from training.multitask.reweighting import Balance, History, ReweightingConfig, no_history, reweigh

Average = Callable[[Sequence[Tensor]], None]
"""Replaces tensors by their means over all processes."""


def alone(_tensors: Sequence[Tensor]) -> None:
    """The mean over one process."""


class Collaboration:
    """The reweighting's state, for `tasks` tasks; a Memory of training.loop.stages."""

    def __init__(self, config: ReweightingConfig, tasks: int, average: Average = alone) -> None:
        self.history = no_history(tasks)
        self.balance: Balance | None = None
        self.factors_T = torch.zeros(tasks)
        self._config = config
        self._average = average

    @torch.no_grad()
    def advance(self, sums_T: Tensor, counts_T: Tensor) -> None:
        """One step: `sums_T` of the losses of `counts_T` examples of each task, both means over the micro-batches.

        They are averaged over the processes before they enter the history. Then `factors_T` are what to multiply the
        losses of one micro-batch with, so that the mean over all micro-batches and processes is the sum over the tasks
        of weight * mean loss; 0 for a task without an example.
        """
        sums_T, counts_T = sums_T.float().clone(), counts_T.float().clone()
        self._average([sums_T, counts_T])
        self.balance, self.history = reweigh(sums_T / counts_T, self.history, self._config)
        self.factors_T = torch.where(counts_T > 0, self.balance.weights_T / counts_T, 0.0)

    def state_dict(self) -> dict[str, Tensor]:
        """The history."""
        return self.history._asdict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with such a history; raises ValueError for one of other tasks."""
        history = History(*(state[name] for name in History._fields))
        if history.last_T.shape != self.history.last_T.shape:
            raise ValueError(f"a history of {len(history.last_T)} tasks; this run has {len(self.history.last_T)}")
        self.history = history
