"""The batches of a training run, in the order and the shares that the trainer's processes take them."""

from typing import Any

from torch.utils.data import DataLoader, Dataset

from training.loop import processes
from training.loop.trainer import Trainer


def loader(dataset: Dataset[Any], trainer: Trainer, batch: int) -> DataLoader[Any]:
    """This process's micro-batches of the remaining steps; `batch` is that of one optimiser step of all processes.

    Step n takes the examples n * batch to (n + 1) * batch - 1, so a resumed run sees what an unbroken one sees.
    """
    size = processes.local_share(trainer.fabric, batch, trainer.loop.accumulate)
    indices = processes.local_indices(trainer.fabric, range(trainer.step, trainer.total), batch)
    workers = trainer.loop.workers
    return DataLoader(dataset, size, sampler=indices, num_workers=workers, prefetch_factor=4 if workers else None)
