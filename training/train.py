"""`python -m training.train PRESET`: train the deployable model, or the own networks of paper A, B or C."""

import os

# OpenMP reads this when torch loads it: without it, waiting threads spin and a busy neighbour triples a step's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch.utils.data import DataLoader

from training import config as weather_net_config
from training.config import LoopConfig, PairedSetConfig, Precision, TrainConfig
from training.loop import processes
from training.loop.checkpoint import CheckpointError
from training.loop.trainer import Trainer
from training.recipes.paper_a import config as paper_a_config
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a import recipe as paper_a_run
from training.recipes.paper_a.config import PairsConfig, PaperATrainConfig
from training.recipes.paper_b import config as paper_b_train_config
from training.recipes.paper_b import objective as paper_b_stages
from training.recipes.paper_b import recipe as paper_b_run
from training.recipes.paper_b.config import PaperBTrainConfig
from training.recipes.paper_c import config as paper_c_train_config
from training.recipes.paper_c import objective as paper_c_stages
from training.recipes.paper_c import recipe as paper_c_run
from training.recipes.paper_c.config import Method, PaperCTrainConfig
from training.recipes.weather_net import objective as weather_net_stages
from training.recipes.weather_net import recipe as weather_net_run

Config = TrainConfig | PaperATrainConfig | PaperBTrainConfig | PaperCTrainConfig

PRESETS: dict[str, Callable[[], Config]] = {
    **weather_net_config.PRESETS,
    **paper_a_config.PRESETS,
    **paper_b_train_config.PRESETS,
    **paper_c_train_config.PRESETS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    folder = options.out or Path("out/train") / options.preset
    try:
        config = configure(options)
        loop = replace(
            loop_config(config),
            accumulate=options.accumulate,
            precision=options.precision,
            average_decay=options.average_decay,
        )
        trainer = train(config, folder, options.resume, options.init, options.segmenter, loop, options.tensorboard)
    except (CheckpointError, FileNotFoundError, ValueError, ImportError, FloatingPointError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    if trainer.fabric.is_global_zero:
        print(f"checkpoint: {folder}")
        if not isinstance(config, PaperATrainConfig):
            mask = " --segmenter NAME" if isinstance(config, PaperBTrainConfig | PaperCTrainConfig) else ""
            print(f"next: python -m training.export {folder} --out {options.preset}.pt2{mask}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("python -m training.train", description=__doc__)
    result.add_argument(
        "preset",
        choices=sorted(PRESETS),
        help="the run: training/config.py, training/paper_{a_config,b_train_config,c_train_config}.py",
    )
    result.add_argument("--out", type=Path, help="checkpoint folder (default: out/train/PRESET)")
    result.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    result.add_argument(
        "--init", type=Path, metavar="CHECKPOINT", help="start from another run's weights; the deployable model only"
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
    papers = result.add_argument_group("paper_a, paper_b")
    papers.add_argument(
        "--pairs", default="", metavar="ROOT", help="train on a data set's degraded and clear frames, not on our scenes"
    )
    papers.add_argument("--pairs-split", default="", metavar="SPLIT", help="its split, where it has several")
    paper_a = result.add_argument_group("paper_a")
    paper_a.add_argument(
        "--segmenter",
        metavar="NAME",
        help="gives Sd: a deployable model's checkpoint, a Hugging Face folder or hub name",
    )
    paper_a.add_argument(
        "--originals", default="", metavar="FOLDER", help="gives Sd of the pairs: label maps, named as degraded frames"
    )
    paper_a.add_argument("--vgg19", metavar="FILE", help="torchvision's weights file; or `off`: no perceptual losses")
    tasks = result.add_argument_group("paper_b, paper_c")
    tasks.add_argument(
        "--tasks", type=names, metavar="NAME,..", help="weathers of our scenes, `clear` among them or not"
    )
    paper_c = result.add_argument_group("paper_c (a reconstruction)")
    paper_c.add_argument(
        "--method", choices=get_args(Method), help="how the weathers' gradients are joined (default: mvgh)"
    )
    return result


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(","))


def configure(options: argparse.Namespace) -> Config:
    """The preset with the command line's changes; raises ValueError for options that do not go together."""
    torch.set_num_threads(options.threads)
    config = PRESETS[options.preset]()
    check_options(options, config)
    if options.camvid:
        config = replace(config, data=replace(config.data, camvid_root=options.camvid))
    if isinstance(config, PaperATrainConfig):
        return configure_paper_a(options, config)
    if options.steps:
        config = replace(config, steps=options.steps)
    if isinstance(config, PaperBTrainConfig):
        config = replace(config, pairs=PairedSetConfig(options.pairs, options.pairs_split))
        return paper_b_run.of_tasks(config, options.tasks) if options.tasks else config
    if isinstance(config, PaperCTrainConfig):
        config = replace(config, method=options.method or config.method)
        return paper_c_run.of_tasks(config, options.tasks) if options.tasks else config
    return config


def configure_paper_a(options: argparse.Namespace, config: PaperATrainConfig) -> PaperATrainConfig:
    """Its losses, its pairs, and the length of its last stage."""
    loss = config.egsyn_loss
    if options.vgg19 == "off":
        config = replace(config, egsyn_loss=replace(loss, perceptual_features="off"))
    elif options.vgg19:
        vgg19 = replace(loss, perceptual_features="vgg19", vgg19_weights=options.vgg19)
        config = replace(config, egsyn_loss=vgg19)
    if options.pairs:
        config = replace(config, pairs=PairsConfig(options.pairs, options.pairs_split, options.originals))
    return replace(config, joint_steps=options.steps) if options.steps else config


def check_options(options: argparse.Namespace, config: Config) -> None:
    """Raises ValueError where options do not go with each other or with the preset."""
    if options.pairs and isinstance(config, TrainConfig | PaperCTrainConfig):
        raise ValueError(f"--pairs: {config.name} makes its degraded frames itself; take the preset paper_a or paper_b")
    if options.pairs and options.camvid:
        raise ValueError("--pairs and --camvid: a run is on pairs alone; name one of the two")
    if not options.pairs and (options.originals or options.pairs_split):
        raise ValueError("--originals and --pairs-split are about a data set of pairs; name it with --pairs ROOT")
    if isinstance(config, PaperBTrainConfig | PaperCTrainConfig) and (
        options.segmenter or options.originals or options.vgg19
    ):
        raise ValueError(
            f"--segmenter, --originals, --vgg19: {config.name} learns to restore, not to segment; what gives the model "
            "file its mask is named when it is written: python -m training.export --segmenter NAME"
        )
    if options.tasks and (options.pairs or not isinstance(config, PaperBTrainConfig | PaperCTrainConfig)):
        raise ValueError(
            "--tasks: it chooses the weathers that paper_b and paper_c lay over our scenes; pairs have their own"
        )
    if options.method and not isinstance(config, PaperCTrainConfig):
        raise ValueError(f"--method: it joins the weathers' gradients in paper_c; {config.name} does not join any")


def loop_config(config: Config) -> LoopConfig:
    """The loop's settings of a run, before the command line's."""
    if isinstance(config, PaperATrainConfig):
        return paper_a_stages.loop(config)
    if isinstance(config, PaperBTrainConfig):
        return paper_b_stages.loop(config)
    if isinstance(config, PaperCTrainConfig):
        return paper_c_stages.loop(config)
    return weather_net_stages.loop(config)


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

    Raises CheckpointError, FileNotFoundError, ValueError, ImportError, FloatingPointError.
    """
    if folder.exists() and not resume:
        raise CheckpointError(
            f"{folder} holds a checkpoint already; continue it with --resume, or choose another --out"
        )
    trainer = build(config, loop or loop_config(config), init, segmenter)
    if resume:
        trainer.resume(folder)
    trainer.fit(batches(config, trainer), folder, tensorboard)
    if isinstance(config, PaperCTrainConfig):
        paper_c_run.calibrate(trainer, folder, paper_c_run.validation_frames(config))
    return trainer


def build(config: Config, loop: LoopConfig, init: Path | None = None, segmenter: str | Path | None = None) -> Trainer:
    """The trainer of a run at its first step; raises CheckpointError, ValueError, ImportError.

    The deployable model starts from the weights of the checkpoint `init`, where one is given. Paper A's Sd is by
    `segmenter`, as `find_segmenter` takes it.
    """
    if init and not isinstance(config, TrainConfig):
        raise ValueError(f"--init {init}: {config.name} cannot start from a deployable model's weights")
    fabric = processes.launch(loop.precision)
    torch.manual_seed(config.seed)
    if isinstance(config, PaperATrainConfig):
        return paper_a_run.build(fabric, config, loop, segmenter)
    if isinstance(config, PaperBTrainConfig):
        return paper_b_run.build(fabric, config, loop)
    if isinstance(config, PaperCTrainConfig):
        return paper_c_run.build(fabric, config, loop)
    return weather_net_run.build(fabric, config, loop, init)


def batches(config: Config, trainer: Trainer) -> DataLoader[Any]:
    """This process's micro-batches of the remaining steps; each depends on the seed and its step alone."""
    if isinstance(config, PaperATrainConfig):
        return paper_a_run.batches(config, trainer)
    if isinstance(config, PaperBTrainConfig):
        return paper_b_run.batches(config, trainer)
    if isinstance(config, PaperCTrainConfig):
        return paper_c_run.batches(config, trainer)
    return weather_net_run.batches(config, trainer)


if __name__ == "__main__":
    sys.exit(main())
