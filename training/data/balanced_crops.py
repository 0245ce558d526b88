"""Takes the tasks in turn, so that every training step has the same number of examples of each."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from training.data.batches import DegradedCrops, Example
from training.data.mixture import Mixture
from training.data.sample import Sample


class TaskTurns(Dataset[Example]):
    """Example i is of task i modulo T; `tasks` are T endless data sets, one per task.

    If the batch is a multiple of T, every step has the same number of examples of each task, for any number of
    processes and micro-batches. `Example.weather` becomes the task's number. Raises ValueError without tasks.
    """

    def __init__(self, tasks: Sequence[Dataset[Example]]) -> None:
        if not tasks:
            raise ValueError("no tasks: name at least one degradation")
        self._tasks = tuple(tasks)

    def __getitem__(self, index: int) -> Example:
        task = index % len(self._tasks)
        return self._tasks[task][index]._replace(weather=torch.tensor(task))


class Then(Dataset[Example]):
    """The first `count` examples of one endless data set, then another's, with their own numbers."""

    def __init__(self, first: Dataset[Example], count: int, rest: Dataset[Example]) -> None:
        self._first, self._count, self._rest = first, count, rest

    def __getitem__(self, index: int) -> Example:
        return (self._first if index < self._count else self._rest)[index]


def balanced_crops(
    tasks: Sequence[str], pools: Sequence[Sequence[Sample]], shares: Sequence[float], size: tuple[int, int], seed: int
) -> TaskTurns:
    """Crops of clear frames with the degradations `tasks` in turn; the other arguments are those of DegradedCrops."""
    return TaskTurns([DegradedCrops(pools, shares, size, seed, Mixture({name: 1.0})) for name in tasks])
