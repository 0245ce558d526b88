"""The recipe of paper B: MOE-WIRNet, on several weathers of street scenes or a data set's pairs."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial

from lightning_fabric import Fabric

from training.data.examples import paired_tasks, street_tasks, weathers_of
from training.data.paired_crops import open_pairs
from training.loop import processes
from training.options import add_pairs, add_tasks, pairs_arguments, pairs_of, tasks_arguments
from training.recipe import Recipe, Run
from training.recipes.paper_b.config import PRESETS, PaperBRun
from training.recipes.paper_b.deploy import TITLE, deploy
from training.recipes.paper_b.network import MoeWirNet, pruned
from training.recipes.paper_b.objective import NETWORK, stages


def add_options(parser: ArgumentParser) -> None:
    """Add the options for pairs, or the weathers of street scenes."""
    add_pairs(parser)
    add_tasks(parser)


def configure(config: PaperBRun, options: Namespace) -> PaperBRun:
    """Apply the options to the run; raises ValueError for options that exclude each other."""
    config = replace(config, pairs=pairs_of(options))
    if options.tasks and config.pairs.root:
        raise ValueError("--tasks chooses the weathers of street scenes; pairs have their own, so leave it out")
    return config.of_tasks(options.tasks) if options.tasks else config


def arguments(config: PaperBRun) -> str:
    """The recipe's own options as text."""
    return pairs_arguments(config.pairs) if config.pairs.root else tasks_arguments(config.tasks, PaperBRun().tasks)


def assemble(config: PaperBRun, fabric: Fabric) -> Run:
    """Build the run; with pairs, their weathers are the tasks. Raises FileNotFoundError and ValueError."""
    if config.pairs.root:
        pairs = open_pairs(config.pairs, labelled=False)
        config = config.of_tasks(weathers_of(pairs))
        examples = paired_tasks(pairs, config.tasks, config.data.crop, config.seed)
    else:
        examples = street_tasks(config.data, config.tasks, config.seed)
    average = partial(processes.average, fabric)
    return Run(config, {NETWORK: MoeWirNet(config.model)}, stages(config, average), examples)


PAPER_B = Recipe(
    name="paper_b",
    title=TITLE,
    config=PaperBRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: pruned(MoeWirNet(config.model).eval()),
)
