"""`python -m training.reproduce B`."""

import argparse
from dataclasses import asdict

from training.reproduce.command import Done, Order, Paper, add_seeds, check_some, seeds_option
from training.reproduce.paper_b import experiments, report
from training.reproduce.paper_b.experiments import DATA_SETS
from training.reproduce.paper_b.rows import COMPLEXITY, SCALES


def add_options(parser: argparse.ArgumentParser) -> None:
    """The tables, and the number of seeds."""
    tables = experiments.TABLES
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables, help="default: all that the data allow")
    add_seeds(parser)


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--tables {' '.join(options.tables)}"] if options.tables is not experiments.TABLES else []
    return parts + seeds_option(options)


def run(options: argparse.Namespace, order: Order) -> Done:
    """Run the tables for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    data = dict(options.data)
    scale = SCALES[options.scale](options.seed, options.seeds)
    planned = experiments.plan(data, scale, options.tables)
    check_some(planned)
    done = [experiments.run(experiment, data, scale, order) for experiment in planned]
    told = [line for experiment in done for line in experiment["data"]]
    complexity = experiments.complexity(scale) if COMPLEXITY in options.tables else {}
    return Done(told, {"scale": asdict(scale), "experiments": done, "complexity": complexity}, report.page)


PAPER_B = Paper(
    name="B",
    title="mixture of experts and multi-task collaboration (MOE-WIRNet)",
    work="trainings",
    data_sets=DATA_SETS,
    add_options=add_options,
    own_options=own_options,
    missing=lambda options: experiments.missing(dict(options.data), options.tables),
    run=run,
)
