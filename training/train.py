"""`python -m training.train PRESET`: train the deployable model or the networks of a paper."""

import os

# OpenMP reads this when torch loads it. Without it waiting threads spin, and a busy neighbour triples a step's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

from training import recipes
from training.config import REAL_SETS, LoopConfig, Precision, RunConfig
from training.loop import processes
from training.loop.checkpoint import STATE_FILE, CheckpointError
from training.loop.loader import loader
from training.loop.trainer import Trainer
from training.options import positive
from training.recipe import Recipe

LOOP_OPTIONS = ("accumulate", "precision", "average_decay", "workers")
"""Settings of the loop that come from the command line, not from a preset."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    command = parser()
    options, unknown = command.parse_known_args(arguments)
    recipe: Recipe[Any] = options.recipe
    if unknown:
        command.error(refusal(options.preset, recipe, unknown[0]))
    folder = options.out or Path("out/train") / options.preset
    try:
        config = configure(options)
        loop = config.loop(**{name: getattr(options, name) for name in LOOP_OPTIONS})
        trainer = train(recipe, config, folder, options.resume, loop, options.tensorboard)
    except (CheckpointError, FileNotFoundError, ValueError, ImportError, FloatingPointError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    if trainer.fabric.is_global_zero:
        mask = "" if trainer.record.segmenter else " --segmenter NAME"
        print(f"checkpoint: {folder}")
        print(f"next: python -m training.evaluate {folder}{mask}{judged_on(options)}")
        print(f"and:  python -m training.export {folder} --out {options.preset}.pt2{mask}")
    return 0


def judged_on(options: argparse.Namespace) -> str:
    """The options with which training.evaluate judges on the data set that a run with --pairs learned from."""
    if not getattr(options, "pairs", ""):
        return ""
    split = " --split SPLIT" if options.pairs_split else ""
    layout = f" --layout {options.pairs_layout}" if options.pairs_layout else ""
    return f" --pairs {options.pairs}{split}{layout}"


def parser() -> argparse.ArgumentParser:
    """The command line: a subcommand for each preset, with the options of its recipe."""
    result = argparse.ArgumentParser("python -m training.train", description=__doc__)
    presets = result.add_subparsers(dest="preset", required=True, metavar="PRESET")
    for recipe in recipes.RECIPES:
        for name, preset in recipe.presets.items():
            told = (preset.__doc__ or "").partition("\n")[0]
            one = presets.add_parser(name, help=f"{recipe.title}: {told}", description=told)
            one.set_defaults(recipe=recipe)
            _add_shared(one)
            recipe.add_options(one.add_argument_group(f"options of {recipe.title}"))  # type: ignore[arg-type]  # adds options alike
    return result


def _add_shared(one: argparse.ArgumentParser) -> None:
    one.add_argument("--out", type=Path, help="checkpoint folder (default: out/train/PRESET)")
    one.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    for name in REAL_SETS:
        one.add_argument(f"--{name}", default="", metavar="ROOT", help=f"root of {name}, to train on its frames too")
    one.add_argument(
        "--steps", type=positive, help="optimiser steps of the last stage (default: the preset's); more when resuming"
    )
    one.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    one.add_argument("--workers", type=int, default=1, help="processes that make the examples (default: %(default)s)")
    one.add_argument("--precision", choices=get_args(Precision), default="32-true", help="default: %(default)s")
    one.add_argument("--accumulate", type=int, default=1, metavar="N", help="split each batch into N smaller ones")
    one.add_argument(
        "--average-decay", type=float, default=0.0, metavar="D", help="keep a moving average of the weights, say 0.999"
    )
    one.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write scalars and image grids there")


def refusal(preset: str, recipe: Recipe[Any], option: str) -> str:
    """The error message for an option that the preset does not have, with the recipes that have it."""
    takers = [other.title for other in recipes.RECIPES if option in own_options(other)]
    told = f"{option}: {preset} does not take it" + (f"; it belongs to {', '.join(takers)}" if takers else "")
    if option == "--segmenter":
        told += "; a checkpoint without a segmenter gets one later: python -m training.export --segmenter NAME"
    return told


def own_options(recipe: Recipe[Any]) -> str:
    """The help text of the recipe's own options."""
    parser = argparse.ArgumentParser(add_help=False)
    recipe.add_options(parser)
    return parser.format_help()


def configure(options: argparse.Namespace) -> RunConfig:
    """Apply the command line to the preset; raises ValueError for options that exclude each other."""
    torch.set_num_threads(options.threads)
    recipe: Recipe[Any] = options.recipe
    config: RunConfig = recipe.presets[options.preset]()
    roots = {f"{name}_root": getattr(options, name) for name in REAL_SETS}
    config = replace(config, data=replace(config.data, **roots))
    if options.steps is not None:
        config = replace(config, steps=options.steps)
    configured: RunConfig = recipe.configure(config, options)
    return configured


def train(
    recipe: Recipe[Any],
    config: RunConfig,
    folder: Path,
    resume: bool = False,
    loop: LoopConfig | None = None,
    tensorboard: Path | None = None,
) -> Trainer:
    """Train a configuration, with checkpoints in `folder`; `loop` replaces the loop settings of `config`.

    Raises CheckpointError, FileNotFoundError, ValueError, ImportError, FloatingPointError.
    """
    if folder.exists() and not (folder / STATE_FILE).exists():
        raise CheckpointError(f"{folder} exists and is no checkpoint; choose another --out")
    if folder.exists() and not resume:
        raise CheckpointError(
            f"{folder} already holds a checkpoint; continue it with --resume, or choose another --out"
        )
    loop = loop or config.loop()
    fabric = processes.launch(loop.precision)
    run = recipe.begin(config, fabric)
    trainer = recipe.trainer(run, fabric, loop)
    if resume:
        trainer.resume(folder)
    trainer.fit(loader(run.examples.open(), trainer, run.config.batch), folder, tensorboard)
    run.finish(trainer, folder)
    return trainer


if __name__ == "__main__":
    sys.exit(main())
