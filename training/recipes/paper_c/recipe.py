"""A run of paper C put together: its network and stages, its examples, its calibration, what its checkpoint records.

A reconstruction: only the abstract of paper C is public.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.config import LoopConfig
from training.data.balanced_crops import balanced_crops
from training.data.batches import Example
from training.data.degradations.arguments import Image
from training.data.pool import training_pools
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.calibration import fit_temperature
from training.judging.unseen import degraded_frames
from training.loop import checkpoint, processes
from training.loop.loader import loader
from training.loop.record import Record, current_commit
from training.loop.trainer import Trainer
from training.models.deploy import prepare
from training.recipes.paper_b.recipe import Parts
from training.recipes.paper_c import objective as paper_c_stages
from training.recipes.paper_c.config import JointConfig, PaperCTrainConfig
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import Average, alone

MAY_CHANGE = ("steps", "checkpoint_every", "data.camvid_root")
"""What may differ between a run and the one that continues it."""

Labelled = tuple[Image, int]
"""A degraded frame, uint8 [H, W, 3], and its weather's number."""


def assemble(config: PaperCTrainConfig, average: Average = alone) -> Parts:
    """A new network, seeded by the run's seed, and the stage that trains it.

    `average` is that of the training's processes: partial(processes.average, fabric). Raises ImportError for a method
    whose solver is not installed.
    """
    torch.manual_seed(config.seed)
    net = Muirf(config.model)
    return Parts({paper_c_stages.NETWORK: net}, paper_c_stages.stages(config, average), paper_c_stages.loop(config))


def build(fabric: Fabric, config: PaperCTrainConfig, loop: LoopConfig | None = None) -> Trainer:
    """The trainer of a run at its first step; `loop` replaces the settings of the loop that the run has by itself.

    Raises ImportError as `assemble` does.
    """
    parts = assemble(config, partial(processes.average, fabric))
    return Trainer(fabric, parts.networks, parts.stages, loop or parts.loop, record(config))


def of_tasks(config: PaperCTrainConfig, tasks: Sequence[str]) -> PaperCTrainConfig:
    """The run with these weathers, a step having as many examples of each as before."""
    each = config.batch // len(config.tasks)
    model = dataclasses.replace(config.model, weathers=tuple(tasks))
    return dataclasses.replace(config, tasks=tuple(tasks), batch=each * len(tasks), model=model)


def record(config: PaperCTrainConfig) -> Record:
    """What the checkpoint records: the configuration, and the command less this machine's paths."""
    told = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    told += f" --tasks {','.join(config.tasks)}" if config.tasks != JointConfig().tasks else ""
    told += f" --method {config.method}" if config.method != JointConfig().method else ""
    command = f"python -m training.train {config.name} --steps {config.steps}{told}"
    return Record(dataclasses.asdict(config), command, current_commit(), MAY_CHANGE)


def batches(config: PaperCTrainConfig, trainer: Trainer) -> DataLoader[Example]:
    """This process's micro-batches of the remaining steps: the tasks in turn, each by the seed and its number alone."""
    return loader(examples(config), trainer, config.batch)


def examples(config: PaperCTrainConfig) -> Dataset[Example]:
    """Endless crops of clear frames, degraded, the tasks in turn."""
    return balanced_crops(config.tasks, *training_pools(config.data), config.data.crop, config.seed)


def validation_frames(config: PaperCTrainConfig) -> list[Labelled]:
    """A frame of each validation drive in every weather; nothing is trained on these drives, and nothing judged.

    Raises ValueError where they would reach those kept unseen.
    """
    first, data = config.data.drives, config.data
    seeds = range(first, first + config.validation_drives)
    if seeds.stop > UNSEEN_SEEDS_FROM:
        raise ValueError(f"validation_drives: {seeds} reach the drives kept unseen, from {UNSEEN_SEEDS_FROM} on")
    samples = [Drive(seed, data.height, data.width).render(10.0) for seed in seeds]
    return [
        (image, number) for number, name in enumerate(config.tasks) for image, _, _ in degraded_frames(samples, name)
    ]


@torch.inference_mode()
def weather_logits(net: Muirf, frames: Iterable[Labelled]) -> tuple[Tensor, Tensor]:
    """What the router makes of each frame [N, K] as a deployed model sees it, and the labels [N]."""
    device = next(net.parameters()).device
    found, labels = [], []
    for image_HW3, number in frames:
        image, _ = prepare(torch.from_numpy(image_HW3.copy())[None].to(device), max(16, net.config.stride))
        found.append(net.preview(image)[0].logits_BK.float().cpu())
        labels.append(number)
    return torch.cat(found), torch.tensor(labels)


@torch.no_grad()
def fit(net: Muirf, frames: Iterable[Labelled]) -> None:
    """Give the router the temperature that these frames ask for."""
    net.router.temperature.fill_(fit_temperature(*weather_logits(net, frames)))


def calibrate(trainer: Trainer, folder: Path, frames: Iterable[Labelled]) -> None:
    """Fit the temperature of a trained network on validation frames, and write it into its checkpoint."""
    fit(paper_c_stages.muirf(trainer.networks).eval(), frames)
    _, state = checkpoint.load(folder)
    trainer.fabric.barrier()
    trainer.save(folder, state["scalars"])
