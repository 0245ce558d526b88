"""`python -m training.reproduce B`."""

import argparse
from dataclasses import asdict

from training.reproduce.command import Done, Order, Paper, add_night, add_seeds, check_some, seeds_option
from training.reproduce.paper_b import experiments, report
from training.reproduce.paper_b.experiments import DATA_SETS
from training.reproduce.paper_b.rows import COMPLEXITY, SCALES
from training.reproduce.rivals import add_rivals, rivals_options


def add_options(parser: argparse.ArgumentParser) -> None:
    """The tables and trainings, the number of seeds, and rivals."""
    tables = experiments.TABLES
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables, help="default: all that the data allow")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TRAINING", help="these trainings and the paper's own (default: all)"
    )
    add_seeds(parser)
    add_night(parser)
    add_rivals(parser)


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--tables {' '.join(options.tables)}"] if options.tables is not experiments.TABLES else []
    parts += [f"--only {' '.join(options.only)}"] if options.only else []
    return parts + seeds_option(options) + rivals_options(options)


def run(options: argparse.Namespace, order: Order) -> Done:
    """Run the tables for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    data = dict(options.data)
    scale = SCALES[options.scale](options.seed, options.seeds)
    planned = experiments.plan(data, scale, options.tables)
    check_some(planned)
    done = [experiments.run(one, data, scale, order, options.only, options.rival) for one in planned]
    told = [line for experiment in done for line in experiment["data"]]
    complexity = experiments.complexity(scale, options.rival) if COMPLEXITY in options.tables else {}
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
