"""Tasks in turn, so that every step of training has the same number of examples of each."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from training.data.batches import DegradedCrops, Example
from training.data.mixture import Mixture
from training.data.sample import Sample


class TaskTurns(Dataset[Example]):
    """Example i is of task i modulo T, the `tasks` being endless data sets of one task each.

    Hence a step whose batch is a multiple of T has equally many of each, however processes and micro-batches share it.
    `Example.weather` becomes the task's number. Raises ValueError for no task.
    """

    def __init__(self, tasks: Sequence[Dataset[Example]]) -> None:
        if not tasks:
            raise ValueError("no tasks: name at least one degradation")
        self._tasks = tuple(tasks)

    def __getitem__(self, index: int) -> Example:
        task = index % len(self._tasks)
        return self._tasks[task][index]._replace(weather=torch.tensor(task))


def balanced_crops(
    tasks: Sequence[str], pools: Sequence[Sequence[Sample]], shares: Sequence[float], size: tuple[int, int], seed: int
) -> TaskTurns:
    """The degradations `tasks` in turn on crops of clear frames; the other arguments are those of DegradedCrops."""
    return TaskTurns([DegradedCrops(pools, shares, size, seed, Mixture({name: 1.0})) for name in tasks])
