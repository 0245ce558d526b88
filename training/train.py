"""`python -m training.train PRESET`: train the deployable model on synthetic weather."""

import os

# OpenMP reads this when torch loads it: without it, waiting threads spin and a busy neighbour triples a step's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from training.checkpoint import CheckpointError
from training.config import PRESETS, TrainConfig
from training.data.batches import Example, WeatherCrops
from training.data.pool import camvid_pool, procedural_pool
from training.models.weather_net import WeatherNet
from training.restore_checkpoint import restore
from training.trainer import Trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    folder = options.out or Path("out/train") / options.preset
    try:
        train(configure(options), folder, options.resume, options.init)
    except (CheckpointError, FileNotFoundError, ValueError, FloatingPointError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    print(f"checkpoint: {folder}\nnext: python -m training.export {folder} --out {options.preset}.pt2")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("python -m training.train", description=__doc__)
    result.add_argument("preset", choices=sorted(PRESETS), help="the run, see training/config.py")
    result.add_argument("--out", type=Path, help="checkpoint folder (default: out/train/PRESET)")
    result.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    result.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from the weights of another run")
    result.add_argument("--camvid", default="", metavar="ROOT", help="CamVid's root, to train on its frames too")
    result.add_argument(
        "--steps", type=int, help="optimiser steps, instead of the preset's; may be raised when resuming"
    )
    result.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    return result


def configure(options: argparse.Namespace) -> TrainConfig:
    """The preset with the command line's changes."""
    torch.set_num_threads(options.threads)
    config = PRESETS[options.preset]()
    if options.camvid:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, camvid_root=options.camvid))
    return dataclasses.replace(config, steps=options.steps) if options.steps else config


def train(config: TrainConfig, folder: Path, resume: bool = False, init: Path | None = None) -> Trainer:
    """Train by `config`, with checkpoints in `folder`, from the weights of the checkpoint `init` where one is given.

    Raises CheckpointError, FileNotFoundError, ValueError.
    """
    if folder.exists() and not resume:
        raise CheckpointError(
            f"{folder} holds a checkpoint already; continue it with --resume, or choose another --out"
        )
    torch.manual_seed(config.seed)
    net, earlier = WeatherNet(config.model), ""
    if init:
        initial, state = restore(init)
        if initial.config != config.model:
            raise CheckpointError(f"{init}: it holds a network of other widths than this run's: {initial.config}")
        net.load_state_dict(initial.state_dict())
        earlier = f"{state['command']} && "
    trainer = Trainer(config, net, provenance(config, earlier))
    if resume:
        trainer.resume(folder)
    trainer.fit(batches(config, trainer.step), folder)
    return trainer


def provenance(config: TrainConfig, earlier: str = "") -> dict[str, str]:
    """The commands, those of an `earlier` run first, and the commit that a checkpoint records.

    The data's root is this machine's, so it is left out.
    """
    camvid = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    init = " --init CHECKPOINT" if earlier else ""
    command = f"python -m training.train {config.name} --steps {config.steps}{init}{camvid}"
    return {"command": earlier + command, "commit": commit or "unknown"}


def batches(config: TrainConfig, first_step: int) -> DataLoader[Example]:
    """The batches of steps `first_step` .. `steps` - 1; each depends on the seed and its step alone."""
    procedural, camvid = procedural_pool(config.data), camvid_pool(config.data)
    share = config.data.camvid_share if camvid else 0.0
    pools = [pool for pool in (procedural, camvid) if pool]
    crops = WeatherCrops(pools, [s for s in (1 - share, share) if s], config.data, config.seed)
    indices = range(first_step * config.batch, config.steps * config.batch)
    return DataLoader(crops, config.batch, sampler=indices, num_workers=1, prefetch_factor=4)


if __name__ == "__main__":
    sys.exit(main())
