"""A run of the deployable model put together: its network and stage, its examples, and what its checkpoint records."""

import dataclasses
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from training.config import LoopConfig, TrainConfig
from training.data.batches import DegradedCrops, Example
from training.data.pool import training_pools
from training.loop.checkpoint import CheckpointError
from training.loop.loader import loader
from training.loop.record import Record, current_commit, joined
from training.loop.trainer import Trainer
from training.recipes.weather_net import objective as weather_net_stages
from training.recipes.weather_net.network import WeatherNet
from training.segmenters.restore_checkpoint import restore

MAY_CHANGE = ("steps", "checkpoint_every", "data.camvid_root")
"""What may differ between a run and the one that continues it: its length, and where its files are on this machine."""


def build(fabric: Fabric, config: TrainConfig, loop: LoopConfig, init: Path | None) -> Trainer:
    """The trainer of the deployable model; raises CheckpointError where `init` holds one of other widths."""
    net, earlier = WeatherNet(config.model), ""
    if init:
        initial, state = restore(init)
        if initial.config != config.model:
            raise CheckpointError(f"{init}: it holds a network of other widths than this run's: {initial.config}")
        net.load_state_dict(initial.state_dict())
        earlier = state["command"]
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stages = weather_net_stages.stages(config)
    return Trainer(fabric, {weather_net_stages.NETWORK: net}, stages, loop, record(config, earlier))


def record(config: TrainConfig, earlier: str) -> Record:
    """What the checkpoint records: the configuration, and the commands, those of an `earlier` run first.

    The commands leave out this machine's paths.
    """
    told = " --init CHECKPOINT" if earlier else ""
    told += " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    command = f"python -m training.train {config.name} --steps {config.steps}{told}"
    return Record(dataclasses.asdict(config), joined(earlier, command), current_commit(), MAY_CHANGE)


def batches(config: TrainConfig, trainer: Trainer) -> DataLoader[Example]:
    """This process's micro-batches of the remaining steps; each depends on the seed and its step alone."""
    crops = DegradedCrops(*training_pools(config.data), config.data.crop, config.seed)
    return loader(crops, trainer, config.batch)
