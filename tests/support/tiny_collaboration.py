"""Paper B's training on a stand-in network, for tests; run by torchrun it trains and writes down its scalars."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support import tasks
from training.data.batches import Example
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.trainer import Trainer
from training.recipes.paper_b.config import PaperBRun
from training.recipes.paper_b.network import MoeRestoration
from training.recipes.paper_b.objective import NETWORK, stages

CONFIG = PaperBRun(steps=6, batch=6, learning_rate=1e-2, last_learning_rate=1e-4)


class Restorer(nn.Module):
    """Three output scales from one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image_B3HW: Tensor, coarser: bool) -> MoeRestoration:
        restored = image_B3HW + self.layer(image_B3HW)
        smaller = (F.avg_pool2d(restored, 2), F.avg_pool2d(restored, 4)) if coarser else ()
        return MoeRestoration(restored, image_B3HW.new_zeros(len(image_B3HW), 0), smaller)


def example(index: int) -> Example:
    """Example `index` of three tasks in turn: darkened, brightened, or its colours turned."""
    clear = tasks.clear_image(index)
    return tasks.example(index, (clear // 2, clear + 40, clear.flip(0)))


def build(config: PaperBRun = CONFIG, accumulate: int = 1) -> Trainer:
    fabric = processes.launch()
    torch.manual_seed(0)
    planned = stages(config, partial(processes.average, fabric))
    record = Record("tiny", {"name": "tiny"}, "pytest", "unknown")
    return Trainer(fabric, {NETWORK: Restorer()}, planned, config.loop(accumulate=accumulate), record)


def train(trainer: Trainer, steps: int | None = None) -> list[dict[str, float]]:
    """The scalars of the next `steps` steps, or of all that remain."""
    return tasks.train(trainer, example, CONFIG.batch, steps)


if __name__ == "__main__":
    tasks.write_runs(lambda _: build(), train)
