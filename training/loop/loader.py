"""Loads the batches of a training run and divides them among the processes."""

from typing import Any

from torch.utils.data import DataLoader, Dataset

from training.loop import processes
from training.loop.trainer import Trainer


def loader(dataset: Dataset[Any], trainer: Trainer, batch: int) -> DataLoader[Any]:
    """This process's micro-batches for the remaining steps; all processes together take `batch` examples a step.

    Step n takes the examples n * batch to (n + 1) * batch - 1, so a resumed run sees the same as an unbroken one.
    """
    size = processes.local_share(trainer.fabric, batch, trainer.loop.accumulate)
    indices = processes.local_indices(trainer.fabric, range(trainer.step, trainer.total), batch)
    workers = trainer.loop.workers
    return DataLoader(
        dataset,
        size,
        sampler=indices,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=trainer.fabric.device.type == "cuda",
    )
