"""A run of paper B put together: its network and stages, its examples, and what its checkpoint records."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader, Dataset

from training.config import LoopConfig
from training.data.balanced_crops import TaskTurns, balanced_crops
from training.data.batches import Example
from training.data.paired_crops import OfWeather, PairedCrops, open_pairs
from training.data.pool import training_pools
from training.data.readers.layouts import recognise
from training.loop import processes
from training.loop.loader import loader
from training.loop.record import Record, current_commit
from training.loop.stages import Stage
from training.loop.trainer import Trainer
from training.multitask.collaboration import Average, alone
from training.recipes.paper_b import objective as paper_b_stages
from training.recipes.paper_b.config import CollaborationConfig, PaperBTrainConfig
from training.recipes.paper_b.network import MoeWirNet

UNNAMED = "degraded"
"""The task of pairs whose data set does not say what degraded them."""

MAY_CHANGE = ("steps", "checkpoint_every", "data.camvid_root", "pairs.root")
"""What may differ between a run and the one that continues it."""


class Parts(NamedTuple):
    """What a Trainer takes: the networks by name, the stages, the loop's settings."""

    networks: Mapping[str, nn.Module]
    stages: tuple[Stage, ...]
    loop: LoopConfig


def assemble(config: PaperBTrainConfig, average: Average = alone) -> Parts:
    """A new network, seeded by the run's seed, and the stage that trains it.

    `average` is that of the training's processes: partial(processes.average, fabric).
    """
    torch.manual_seed(config.seed)
    net = MoeWirNet(config.model)
    stages = paper_b_stages.stages(config, average, lambda network, x_B3HW: network(x_B3HW, coarser=True).scales)
    return Parts({paper_b_stages.NETWORK: net}, stages, paper_b_stages.loop(config))


def build(fabric: Fabric, config: PaperBTrainConfig, loop: LoopConfig | None = None) -> Trainer:
    """The trainer of a run at its first step; `loop` replaces the settings of the loop that the run has by itself.

    Raises FileNotFoundError and ValueError as `with_tasks` does.
    """
    config = with_tasks(config)
    parts = assemble(config, partial(processes.average, fabric))
    learned_on = {"data_set": recognise(Path(config.pairs.root))[0]} if config.pairs.root else {}
    return Trainer(fabric, parts.networks, parts.stages, loop or parts.loop, record(config, learned_on))


def with_tasks(config: PaperBTrainConfig) -> PaperBTrainConfig:
    """The run as it is; on pairs, its tasks are their weathers, and a step has as many examples of each as before.

    Raises FileNotFoundError and ValueError where there are no such pairs.
    """
    if not config.pairs.root:
        return config
    weathers = open_pairs(Path(config.pairs.root), config.pairs.split, labelled=False).weathers
    return of_tasks(config, sorted({weather or UNNAMED for weather in weathers}))


def of_tasks(config: PaperBTrainConfig, tasks: Sequence[str]) -> PaperBTrainConfig:
    """The run with these tasks, a step having as many examples of each as before."""
    each = config.batch // len(config.tasks)
    return dataclasses.replace(config, tasks=tuple(tasks), batch=each * len(tasks))


def record(config: PaperBTrainConfig, learned_on: Mapping[str, Any]) -> Record:
    """What the checkpoint records: the configuration with `learned_on`, and the command less this machine's paths."""
    told = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    if config.pairs.root:
        told += " --pairs PAIRS_ROOT" + (f" --pairs-split {config.pairs.split}" if config.pairs.split else "")
    elif config.tasks != CollaborationConfig().tasks:
        told += f" --tasks {','.join(config.tasks)}"
    command = f"python -m training.train {config.name} --steps {config.steps}{told}"
    return Record(dataclasses.asdict(config) | dict(learned_on), command, current_commit(), MAY_CHANGE)


def batches(config: PaperBTrainConfig, trainer: Trainer) -> DataLoader[Example]:
    """This process's micro-batches of the remaining steps: the tasks in turn, each by the seed and its number alone."""
    config = with_tasks(config)
    return loader(examples(config), trainer, config.batch)


def examples(config: PaperBTrainConfig) -> Dataset[Example]:
    """Endless crops, the tasks in turn: of the pairs on disk, or of clear frames, degraded."""
    size, seed = config.data.crop, config.seed
    if not config.pairs.root:
        return balanced_crops(config.tasks, *training_pools(config.data), size, seed)
    pairs = open_pairs(Path(config.pairs.root), config.pairs.split, labelled=False)
    wanted = [None if task == UNNAMED else task for task in config.tasks]
    return TaskTurns([PairedCrops(OfWeather(pairs, weather), size, seed) for weather in wanted])
