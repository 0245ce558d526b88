"""`python -m training.train PRESET`: train the deployable model or paper A's own networks on synthetic weather."""

import os

# OpenMP reads this when torch loads it: without it, waiting threads spin and a busy neighbour triples a step's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from training import config as weather_net_config
from training import paper_a_config, paper_a_stages, processes, weather_net_stages
from training.checkpoint import CheckpointError
from training.config import LoopConfig, Precision, TrainConfig
from training.data.batches import DegradedCrops, Example
from training.data.classes import CLASSES
from training.data.paired_crops import ExampleWithOriginal, PairedCrops, SegmentedCrops, classes_of, open_pairs
from training.data.pool import camvid_pool, procedural_pool
from training.data.readers.layouts import recognise
from training.loader import loader
from training.models.paper_a.vgg19 import build_extractor
from training.models.weather_net import WeatherNet
from training.original_segmenter import Original, find_segmenter
from training.paper_a_config import PairsConfig, PaperATrainConfig
from training.restore_checkpoint import PRECOMPUTED, restore
from training.run_record import Record, current_commit
from training.trainer import Trainer
from weather_perception.core.contract import SemanticClass

Config = TrainConfig | PaperATrainConfig

PRESETS: dict[str, Callable[[], Config]] = {**weather_net_config.PRESETS, **paper_a_config.PRESETS}
# What may differ between a run and the one that continues it: its length, and where its files are on this machine.
MAY_CHANGE = (
    *("steps", "joint_steps", "checkpoint_every"),
    *("data.camvid_root", "egsyn_loss.vgg19_weights", "pairs.root", "pairs.originals"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    folder = options.out or Path("out/train") / options.preset
    try:
        config = configure(options)
        loop = dataclasses.replace(
            loop_config(config),
            accumulate=options.accumulate,
            precision=options.precision,
            average_decay=options.average_decay,
        )
        trainer = train(config, folder, options.resume, options.init, options.segmenter, loop, options.tensorboard)
    except (CheckpointError, FileNotFoundError, ValueError, FloatingPointError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    if trainer.fabric.is_global_zero:
        print(f"checkpoint: {folder}")
        if isinstance(config, TrainConfig):
            print(f"next: python -m training.export {folder} --out {options.preset}.pt2")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("python -m training.train", description=__doc__)
    result.add_argument(
        "preset", choices=sorted(PRESETS), help="the run: training/config.py, training/paper_a_config.py"
    )
    result.add_argument("--out", type=Path, help="checkpoint folder (default: out/train/PRESET)")
    result.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    result.add_argument(
        "--init", type=Path, metavar="CHECKPOINT", help="start from another run's weights; not for paper_a"
    )
    result.add_argument("--camvid", default="", metavar="ROOT", help="CamVid's root, to train on its frames too")
    result.add_argument(
        "--steps", type=int, help="optimiser steps (of the last stage), not the preset's; may be raised when resuming"
    )
    result.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    result.add_argument("--precision", choices=get_args(Precision), default="32-true", help="default: %(default)s")
    result.add_argument("--accumulate", type=int, default=1, metavar="N", help="add up N smaller batches for each step")
    result.add_argument(
        "--average-decay", type=float, default=0.0, metavar="D", help="keep a moving average of the weights, say 0.999"
    )
    result.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write scalars and image grids there")
    paper_a = result.add_argument_group("paper_a")
    paper_a.add_argument(
        "--segmenter",
        metavar="NAME",
        help="gives Sd: a deployable model's checkpoint, a Hugging Face folder or hub name",
    )
    paper_a.add_argument(
        "--pairs", default="", metavar="ROOT", help="train on a data set's degraded and clear frames, not on our scenes"
    )
    paper_a.add_argument("--pairs-split", default="", metavar="SPLIT", help="its split, where it has several")
    paper_a.add_argument(
        "--originals", default="", metavar="FOLDER", help="gives Sd of the pairs: label maps, named as degraded frames"
    )
    paper_a.add_argument("--vgg19", metavar="FILE", help="torchvision's weights file; or `off`: no perceptual losses")
    return result


def configure(options: argparse.Namespace) -> Config:
    """The preset with the command line's changes; raises ValueError for options that do not go together."""
    torch.set_num_threads(options.threads)
    config = PRESETS[options.preset]()
    check_pairs(options, config)
    if options.camvid:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, camvid_root=options.camvid))
    if isinstance(config, TrainConfig):
        return dataclasses.replace(config, steps=options.steps) if options.steps else config
    if options.vgg19 == "off":
        config = dataclasses.replace(
            config, egsyn_loss=dataclasses.replace(config.egsyn_loss, perceptual_features="off")
        )
    elif options.vgg19:
        loss = dataclasses.replace(config.egsyn_loss, perceptual_features="vgg19", vgg19_weights=options.vgg19)
        config = dataclasses.replace(config, egsyn_loss=loss)
    if options.pairs:
        pairs = PairsConfig(options.pairs, options.pairs_split, options.originals)
        config = dataclasses.replace(config, pairs=pairs)
    return dataclasses.replace(config, joint_steps=options.steps) if options.steps else config


def check_pairs(options: argparse.Namespace, config: Config) -> None:
    """Raises ValueError where the options about pairs do not go with each other or with the preset."""
    if options.pairs and isinstance(config, TrainConfig):
        raise ValueError(f"--pairs: {config.name} makes its degraded frames itself; take the preset paper_a")
    if options.pairs and options.camvid:
        raise ValueError("--pairs and --camvid: a run is on pairs alone; name one of the two")
    if not options.pairs and (options.originals or options.pairs_split):
        raise ValueError("--originals and --pairs-split are about a data set of pairs; name it with --pairs ROOT")


def loop_config(config: Config) -> LoopConfig:
    """The loop's settings of a run, before the command line's."""
    return weather_net_stages.loop(config) if isinstance(config, TrainConfig) else paper_a_stages.loop(config)


def train(
    config: Config,
    folder: Path,
    resume: bool = False,
    init: Path | None = None,
    segmenter: str | Path | None = None,
    loop: LoopConfig | None = None,
    tensorboard: Path | None = None,
) -> Trainer:
    """Train by `config`, with checkpoints in `folder`; `init` and `segmenter` are `build`'s.

    Raises CheckpointError, FileNotFoundError, ValueError, FloatingPointError.
    """
    if folder.exists() and not resume:
        raise CheckpointError(
            f"{folder} holds a checkpoint already; continue it with --resume, or choose another --out"
        )
    trainer = build(config, loop or loop_config(config), init, segmenter)
    if resume:
        trainer.resume(folder)
    trainer.fit(batches(config, trainer), folder, tensorboard)
    return trainer


def build(config: Config, loop: LoopConfig, init: Path | None = None, segmenter: str | Path | None = None) -> Trainer:
    """The trainer of a run at its first step; raises CheckpointError, ValueError.

    The deployable model starts from the weights of the checkpoint `init`, where one is given. Paper A's Sd is by
    `segmenter`, as `find_segmenter` takes it.
    """
    fabric = processes.launch(loop.precision)
    torch.manual_seed(config.seed)
    if isinstance(config, PaperATrainConfig):
        if init:
            raise ValueError(f"--init {init}: {config.name} cannot start from a deployable model's weights")
        return build_paper_a(fabric, config, loop, segmenter)
    return build_weather_net(fabric, config, loop, init)


def build_weather_net(fabric: Fabric, config: TrainConfig, loop: LoopConfig, init: Path | None) -> Trainer:
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


def build_paper_a(fabric: Fabric, config: PaperATrainConfig, loop: LoopConfig, segmenter: str | Path | None) -> Trainer:
    """The trainer of paper A's networks; raises ValueError where nothing gives the original segmentation."""
    classes: Sequence[SemanticClass] = CLASSES
    learned_on: dict[str, Any] = {}
    if root := config.pairs.root:
        classes = classes_of(open_pairs(Path(root), config.pairs.split))
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, classes=len(classes)))
        learned_on = {"data_set": recognise(Path(root))[0]}
    original = original_of(config, segmenter, [c.name for c in classes])
    networks = paper_a_stages.networks(config.model, original.segmenter if original else None)
    extractor = build_extractor(config.egsyn_loss)
    stages = paper_a_stages.stages(config, extractor.to(fabric.device) if extractor else None)
    learned_on["segmenter"] = original.record if original else {"kind": PRECOMPUTED}
    recorded = record(config, original.command if original else "", **learned_on)
    return Trainer(fabric, networks, stages, loop, recorded)


def original_of(config: PaperATrainConfig, segmenter: str | Path | None, classes: Sequence[str]) -> Original | None:
    """The segmenter that gives Sd, none where the run takes precomputed maps; ValueError unless just one of the two."""
    if config.pairs.originals and segmenter:
        raise ValueError("--originals and --segmenter: both would give the original segmentation; name one of the two")
    if config.pairs.originals:
        return None
    if segmenter is None:
        raise ValueError(
            "paper A refines what a segmenter for normal conditions says: name one with --segmenter, a Hugging Face "
            "folder or hub name, or a deployable model's checkpoint: python -m training.train quick"
        )
    return find_segmenter(str(segmenter), classes)


def record(config: Config, earlier: str = "", **more: Any) -> Record:
    """What the checkpoint records: the configuration and `more`, and the commands, those of an `earlier` run first.

    The commands leave out this machine's paths.
    """
    if isinstance(config, PaperATrainConfig):
        rest = paper_a_arguments(config, more["segmenter"])
    else:
        rest = " --init CHECKPOINT" if earlier else ""
    camvid = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    steps = config.steps if isinstance(config, TrainConfig) else config.joint_steps
    before = f"{earlier} && " if earlier else ""
    command = f"{before}python -m training.train {config.name} --steps {steps}{rest}{camvid}"
    return Record(dataclasses.asdict(config) | more, command, current_commit(), MAY_CHANGE)


def paper_a_arguments(config: PaperATrainConfig, segmenter: dict[str, Any]) -> str:
    """What paper A's command says of its pairs, its original `segmenter` as recorded, and its losses."""
    told = " --pairs PAIRS_ROOT" if config.pairs.root else ""
    told += f" --pairs-split {config.pairs.split}" if config.pairs.split else ""
    named = segmenter.get("name", "CHECKPOINT")
    told += " --originals ORIGINALS" if config.pairs.originals else f" --segmenter {named}"
    return f"{told} --vgg19 {'off' if config.egsyn_loss.perceptual_features == 'off' else 'VGG19_WEIGHTS'}"


def batches(config: Config, trainer: Trainer) -> DataLoader[Example | ExampleWithOriginal]:
    """This process's micro-batches of the remaining steps; each depends on the seed and its step alone."""
    if isinstance(config, PaperATrainConfig) and config.pairs.root:
        return loader(paired_crops(config), trainer, config.batch)
    procedural, camvid = procedural_pool(config.data), camvid_pool(config.data)
    share = config.data.camvid_share if camvid else 0.0
    pools = [pool for pool in (procedural, camvid) if pool]
    crops = DegradedCrops(pools, [s for s in (1 - share, share) if s], config.data.crop, config.seed)
    return loader(crops, trainer, config.batch)


def paired_crops(config: PaperATrainConfig) -> PairedCrops | SegmentedCrops:
    """Crops of the pairs, each with its precomputed original segmentation where the run takes these."""
    pairs, size = open_pairs(Path(config.pairs.root), config.pairs.split), config.data.crop
    if config.pairs.originals:
        return SegmentedCrops(pairs, Path(config.pairs.originals), size, config.seed)
    return PairedCrops(pairs, size, config.seed)


if __name__ == "__main__":
    sys.exit(main())
