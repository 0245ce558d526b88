"""Paper C's joint training on a tiny MUIRF, for tests; run by torchrun it writes the scalars of each method's run."""

import dataclasses
from functools import partial
from typing import Any, cast

import torch

from tests.support import tasks
from training.data.batches import Example
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.trainer import Trainer
from training.multitask.combination import Method
from training.recipes.paper_c.config import MuirfConfig, PaperCRun
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK, stages

MODEL = MuirfConfig(experts=2, patch=2, width=4, blocks=(1, 1), hidden=4)
CONFIG = PaperCRun(steps=5, batch=8, learning_rate=3e-3, last_learning_rate=1e-4, model=MODEL)


def example(index: int) -> Example:
    """Example `index` of four tasks in turn: as it was, brightened, darkened, or faded."""
    clear = tasks.clear_image(index)
    return tasks.example(index, (clear, clear // 2 + 120, clear // 2, clear // 4 + 90))


def batch(indices: range | list[int]) -> Example:
    return tasks.collate([example(index) for index in indices])


def network(model: MuirfConfig = MODEL) -> Muirf:
    """Seeded, with weights of its own for every weather."""
    torch.manual_seed(0)
    net = Muirf(model)
    with torch.no_grad():
        for parameter in net.specific_parameters:
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def build(config: PaperCRun = CONFIG, accumulate: int = 1) -> Trainer:
    fabric = processes.launch()
    planned = stages(config, partial(processes.average, fabric))
    record = Record("tiny", {"name": "tiny"}, "pytest", "unknown")
    return Trainer(fabric, {NETWORK: network(config.model)}, planned, config.loop(accumulate=accumulate), record)


def of_method(method: str, **settings: Any) -> PaperCRun:
    return dataclasses.replace(CONFIG, method=cast(Method, method), **settings)


def train(trainer: Trainer, steps: int | None = None) -> list[dict[str, float]]:
    """The scalars of the next `steps` steps, or of all that remain."""
    return tasks.train(trainer, example, CONFIG.batch, steps)


if __name__ == "__main__":
    tasks.write_runs(lambda method: build(of_method(method)), train)
