"""A tiny GAN with two stages, for tests of the training loop; under torchrun it trains and saves its losses."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tests.support.tasks import write_runs
from training.config import LoopConfig
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.stages import Networks, Outcome, Phase, Stage, constant, warmup_cosine
from training.loop.trainer import Trainer

BATCH = 4
STEPS = (3, 3)


class Batch(NamedTuple):
    x_B3HW: Tensor
    y_B3HW: Tensor


def sample(index: int) -> Tensor:
    return torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(index))


def batches(trainer: Trainer) -> Iterator[Batch]:
    """This process's micro-batches for the remaining steps."""
    size = processes.local_share(trainer.fabric, BATCH, trainer.loop.accumulate)
    indices = processes.local_indices(trainer.fabric, range(trainer.step, trainer.total), BATCH)
    for start in range(0, len(indices), size):
        x = torch.stack([sample(index) for index in indices[start : start + size]])
        yield Batch(x, x.flip(1).sqrt())


def networks(dropout: float = 0.0) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.Dropout(dropout), nn.Conv2d(8, 3, 3, padding=1)
    )
    critic = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.GELU(), nn.Conv2d(8, 1, 3))
    return {"generator": generator.to(memory_format=torch.channels_last), "critic": critic}


def imitate(batch: Batch, nets: Networks) -> Outcome:
    made = nets["generator"](batch.x_B3HW)
    error = (made - batch.y_B3HW).square().mean()
    return Outcome({"error": error}, {"brightness": made.mean()}, {"made": made, "wanted": batch.y_B3HW})


def judge(batch: Batch, nets: Networks) -> Outcome:
    real, fake = nets["critic"](batch.y_B3HW), nets["critic"](nets["generator"](batch.x_B3HW).detach())
    return Outcome({"real": (real - 1).square().mean(), "fake": fake.square().mean()})


def deceive(batch: Batch, nets: Networks) -> Outcome:
    outcome = imitate(batch, nets)
    fake = nets["critic"](nets["generator"](batch.x_B3HW))
    return Outcome({**outcome.terms, "adversarial": 0.1 * (fake - 1).square().mean()})


def stages(steps: tuple[int, int] = STEPS) -> tuple[Stage, ...]:
    adam = partial(torch.optim.AdamW, lr=1e-2)
    alone = Phase("imitate", ("generator",), imitate, adam, warmup_cosine(1e-2, 2, steps[0]))
    critic = Phase("critic", ("critic",), judge, adam, constant(1e-2))
    generator = Phase("generator", ("generator",), deceive, adam, constant(1e-2))
    return Stage("alone", steps[0], (alone,)), Stage("adversarial", steps[1], (critic, generator))


def build(loop: LoopConfig | None = None, dropout: float = 0.0, steps: tuple[int, int] = STEPS) -> Trainer:
    loop = loop or LoopConfig()
    record = Record("tiny", {"name": "tiny", "batch": BATCH}, "pytest", "unknown")
    return Trainer(processes.launch(loop.precision), networks(dropout), stages(steps), loop, record)


def losses(trainer: Trainer) -> list[dict[str, float]]:
    """The scalars of every step."""
    return [trainer.train_step([batch]) for batch in batches(trainer)]


if __name__ == "__main__":
    write_runs(lambda _: build(), losses)
