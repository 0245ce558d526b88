"""Shows the progress of a training: a progress bar, and scalars and image grids in TensorBoard."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor
from tqdm import tqdm

MOST_IMAGES = 4


class Watch:
    """A progress bar from `done` to `total` steps and, with `folder`, TensorBoard files in that folder."""

    def __init__(self, title: str, done: int, total: int, folder: Path | None, silent: bool = False) -> None:
        self._bar = tqdm(initial=done, total=total, desc=title, unit="step", disable=silent)
        self._writer = None
        if folder is not None and not silent:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self._writer = SummaryWriter(str(folder), purge_step=done + 1)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def scalars(self, step: int, stage: str, scalars: Mapping[str, float]) -> None:
        """Show one step's scalars."""
        self._bar.update()
        self._bar.set_postfix({name: f"{value:.2f}" for name, value in scalars.items()}, refresh=False)
        if self._writer is not None:
            for name, value in scalars.items():
                self._writer.add_scalar(f"{stage}/{name}", value, step)

    def images(self, step: int, stage: str, images: Mapping[str, Tensor]) -> None:
        """Write one grid: a row for each of the first MOST_IMAGES images of the batch, a column for each name."""
        if self._writer is not None and images:
            columns = " ".join(images)
            self._writer.add_image(f"{stage}/{columns}", grid(list(images.values())), step)


def grid(images_B3HW: list[Tensor]) -> Tensor:
    """Batches of images of one size, clamped to 0..1 -> one picture [3, rows, columns] with a column per batch."""
    columns = [
        torch.cat([image.detach().float().clamp(0, 1).cpu() for image in images[:MOST_IMAGES]], dim=1)
        for images in images_B3HW
    ]
    return torch.cat(columns, dim=2)
