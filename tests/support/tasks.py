"""Examples of several tasks, and their training on one process or two, for the tests of multi-task recipes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.data.batches import Example
from training.loop import processes
from training.loop.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]


def clear_image(index: int) -> Tensor:
    return torch.randint(60, 200, (3, 16, 16), generator=torch.Generator().manual_seed(index)).byte()


def example(index: int, degraded: tuple[Tensor, ...]) -> Example:
    """Example `index` of tasks in turn; `degraded` is its clear image under each task."""
    task = index % len(degraded)
    labels = torch.zeros(16, 16, dtype=torch.uint8)
    return Example(degraded[task], clear_image(index), labels, torch.tensor(task))


def collate(examples: list[Example]) -> Example:
    return Example(*(torch.stack(parts) for parts in zip(*examples, strict=True)))


def train(trainer: Trainer, draw: Callable[[int], Example], batch: int, steps: int | None) -> list[dict[str, float]]:
    """The scalars of the next `steps` steps, or of all that remain, on this process's share of each batch."""
    size, found = processes.local_share(trainer.fabric, batch, trainer.loop.accumulate), []
    for step in range(trainer.step, trainer.total)[:steps]:
        mine = processes.local_indices(trainer.fabric, range(step, step + 1), batch)
        parts = [mine[at : at + size] for at in range(0, len(mine), size)]
        found.append(trainer.train_step([collate([draw(index) for index in part]) for part in parts]))
    return found


def write_runs(build: Callable[[str], Trainer], train: Callable[[Trainer], list[dict[str, float]]]) -> None:
    """For a module that torchrun runs: train the runs it names, and write their checkpoints and scalars."""
    torch.set_num_threads(1)
    folder, *names = sys.argv[1:]
    for name in names:
        trainer = build(name)
        scalars = train(trainer)
        trainer.save(Path(folder, name), {})
        if trainer.fabric.is_global_zero:
            Path(folder, f"{name}.json").write_text(json.dumps(scalars))


def on_two_processes(script: str, *arguments: str) -> None:
    """Run a module of tests/support by torchrun."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(ROOT / "tests/support" / script), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], rtol: float = 0, atol: float = 0) -> None:
    """By name; bit by bit unless tolerances are given."""
    assert found.keys() == expected.keys() and expected
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=rtol, atol=atol, equal_nan=True, msg=name)
