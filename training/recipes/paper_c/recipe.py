"""The recipe of paper C: MUIRF, on several weathers of street scenes. A reconstruction from the paper's abstract."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from lightning_fabric import Fabric

from training.data.examples import Examples, Opening, street_tasks
from training.loop import processes
from training.loop.trainer import Trainer
from training.multitask.combination import Method
from training.options import add_tasks, tasks_arguments
from training.recipe import Recipe, Run
from training.recipes.paper_c.calibration import calibrate, validation_frames
from training.recipes.paper_c.config import PRESETS, PaperCRun
from training.recipes.paper_c.deploy import TITLE, deploy
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK, stages


def add_options(parser: ArgumentParser) -> None:
    """Add the options for the weathers and the method that joins their gradients."""
    add_tasks(parser)
    parser.add_argument(
        "--method", choices=get_args(Method), help="method that joins the weathers' gradients (default: mvgh)"
    )


def configure(config: PaperCRun, options: Namespace) -> PaperCRun:
    """Apply the options to the run; raises ValueError for unsuitable weathers."""
    config = replace(config, method=options.method or config.method)
    return config.of_tasks(options.tasks) if options.tasks else config


def arguments(config: PaperCRun) -> str:
    """The recipe's own options as text."""
    usual = PaperCRun()
    method = f" --method {config.method}" if config.method != usual.method else ""
    return tasks_arguments(config.tasks, usual.tasks) + method


def assemble(config: PaperCRun, fabric: Fabric) -> Run:
    """Build the run; raises ImportError if the method's solver is not installed."""
    average = partial(processes.average, fabric)
    return Run(
        config,
        {NETWORK: Muirf(config.model)},
        stages(config, average),
        examples(config),
        finish=partial(finish, config),
    )


def examples(config: PaperCRun) -> Examples:
    """Endless crops of degraded street scenes, with the tasks in turn; the router's own steps have larger crops."""
    opening = Opening(config.router_steps * config.batch, config.router_crop) if config.router_steps else None
    return street_tasks(config.data, config.tasks, config.seed, opening)


def finish(config: PaperCRun, trainer: Trainer, folder: Path) -> None:
    """Calibrate the trained router, and save its temperature in the checkpoint."""
    calibrate(trainer, folder, validation_frames(config))


PAPER_C = Recipe(
    name="paper_c",
    title=TITLE,
    config=PaperCRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: Muirf(config.model).eval(),
)
