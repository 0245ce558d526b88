"""Paper B's training on a stand-in network, for tests; run by torchrun it trains and writes down its scalars."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.batches import Example
from training.loop import processes
from training.loop.record import Record
from training.loop.trainer import Trainer
from training.recipes.paper_b.config import PaperBRun
from training.recipes.paper_b.objective import NETWORK, stages

CONFIG = PaperBRun(steps=6, batch=6, learning_rate=1e-2, last_learning_rate=1e-4)


class Restorer(nn.Module):
    """Three output scales from one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image_B3HW: Tensor) -> list[Tensor]:
        restored = image_B3HW + self.layer(image_B3HW)
        return [restored, F.avg_pool2d(restored, 2), F.avg_pool2d(restored, 4)]


def example(index: int) -> Example:
    """Example `index` of three tasks in turn: darkened, brightened, or its colours turned."""
    chance = torch.Generator().manual_seed(index)
    clear = torch.randint(60, 200, (3, 16, 16), generator=chance).byte()
    task = index % 3
    degraded = (clear // 2, clear + 40, clear.flip(0))[task]
    return Example(degraded, clear, torch.zeros(16, 16, dtype=torch.uint8), torch.tensor(task))


def collate(examples: list[Example]) -> Example:
    return Example(*(torch.stack(parts) for parts in zip(*examples, strict=True)))


def build(config: PaperBRun = CONFIG, accumulate: int = 1) -> Trainer:
    fabric = processes.launch()
    torch.manual_seed(0)
    planned = stages(config, partial(processes.average, fabric))
    record = Record("tiny", {"name": "tiny"}, "pytest", "unknown")
    return Trainer(fabric, {NETWORK: Restorer()}, planned, config.loop(accumulate=accumulate), record)


def batches(trainer: Trainer, batch: int = CONFIG.batch) -> Iterator[Example]:
    """This process's micro-batches of the remaining steps."""
    size = processes.local_share(trainer.fabric, batch, trainer.loop.accumulate)
    indices = processes.local_indices(trainer.fabric, range(trainer.step, trainer.total), batch)
    for start in range(0, len(indices), size):
        yield collate([example(index) for index in indices[start : start + size]])


def train(trainer: Trainer, steps: int | None = None) -> list[dict[str, float]]:
    """The scalars of the next `steps` steps, or of all that remain."""
    coming, count = batches(trainer), trainer.loop.accumulate
    remaining = range(trainer.total - trainer.step)[:steps]
    return [trainer.train_step([next(coming) for _ in range(count)]) for _ in remaining]


if __name__ == "__main__":
    torch.set_num_threads(1)
    trained = build()
    found = train(trained)
    trained.save(Path(sys.argv[1]) / "run", {})
    if trained.fabric.is_global_zero:
        Path(sys.argv[1], "scalars.json").write_text(json.dumps(found))
