"""`python -m training.reproduce C`."""

import argparse
import dataclasses
from functools import partial

from training.reproduce.command import Done, Order, Paper, add_seeds, seeds_option
from training.reproduce.frames import CAMVID
from training.reproduce.paper_c import experiments, report, scales
from training.reproduce.paper_c.rows import NAMES, available


def add_options(parser: argparse.ArgumentParser) -> None:
    """The methods, and the number of seeds."""
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=NAMES, help="beside mvgh (default: all)")
    add_seeds(parser)


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--methods {' '.join(options.methods)}"] if options.methods is not NAMES else []
    return parts + seeds_option(options)


def run(options: argparse.Namespace, order: Order) -> Done:
    """Train with each method whose solver is installed; raises CheckpointError, FileNotFoundError, ValueError."""
    scale = scales.SCALES[options.scale](options.seed, options.seeds)
    rows, _ = available(options.methods)
    found, judges = experiments.run(rows, dict(options.data), scale, order)
    facts = {"reconstruction": report.RECONSTRUCTION, "scale": dataclasses.asdict(scale), **found}
    examples = {name: images[0] for name, images in judges.mixed.items()}
    return Done(found["data"], facts, partial(report.page, mixed_frames=examples))


PAPER_C = Paper(
    name="C",
    title="channel sharing and gradient homogenisation (MUIRF): a reconstruction",
    work="trainings",
    data_sets=(CAMVID,),
    add_options=add_options,
    own_options=own_options,
    missing=lambda options: available(options.methods)[1],
    run=run,
    lack="missing solvers",
)
