"""`python -m training.reproduce C`: joint training over all weathers with every method. C is a reconstruction."""

import argparse
from dataclasses import asdict, replace
from functools import partial
from typing import get_args

from training.recipes.paper_c.config import UpdateLength
from training.reproduce.command import Done, Order, Paper, add_night, add_seeds, seeds_option
from training.reproduce.frames import CAMVID, street_frames
from training.reproduce.paper_c import report
from training.reproduce.paper_c.frames import judges
from training.reproduce.paper_c.rows import NAMES, OURS, SCALES, available
from training.reproduce.paper_c.trainings import MuirfStudy
from training.reproduce.rivals import RivalStudy, add_rivals, rivals_options
from training.reproduce.scores import score, score_clear, unchanged
from training.reproduce.study import run_all


def add_options(parser: argparse.ArgumentParser) -> None:
    """The methods, the number of seeds, and rivals."""
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=NAMES, help="beside mvgh (default: all)")
    parser.add_argument(
        "--update-length",
        choices=get_args(UpdateLength),
        default="sum",
        help="of every method's update: as long as the gradients' sum, so that only directions differ, or its own "
        "(default: %(default)s)",
    )
    add_seeds(parser)
    add_night(parser)
    add_rivals(parser)


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--methods {' '.join(options.methods)}"] if options.methods is not NAMES else []
    parts += [f"--update-length {options.update_length}"] if options.update_length != "sum" else []
    return parts + seeds_option(options) + rivals_options(options)


def run(options: argparse.Namespace, order: Order) -> Done:
    """Train with each method whose solver is installed, and judge the unfinished trials.

    Raises CheckpointError, FileNotFoundError and ValueError.
    """
    data = dict(options.data)
    scale = SCALES[options.scale](options.seed, options.seeds)
    scale = replace(scale, training=replace(scale.training, update_length=options.update_length))
    rows = {row.name: row for row in available(options.methods)[0]}
    settings = replace(scale.training.data, camvid_root=str(data.get(CAMVID, "")))
    frames = street_frames(settings, scale.frames)
    seen = judges(frames, data, scale)
    study = MuirfStudy(frames, scale, order.out, order.command, seen, rows)
    others = RivalStudy(frames, scale, order.out, order.command, scale.training, scale.training.tasks, options.rival)
    trials = scale.trials(list(rows))
    seeds = list(dict.fromkeys(trial.seed for trial in trials))
    if scale.router:
        run_all(study.train_router, seeds, order.jobs, order.out / "logs")
    facts = {
        "reconstruction": report.RECONSTRUCTION,
        "scale": asdict(scale),
        "data": list(frames.description),
        "seeds": seeds,
        "weathers": list(scale.training.tasks),
        "degraded": {name: score(unchanged, some) for name, some in seen.restoration.items()},
        "clear": {name: score_clear(some) for name, some in seen.restoration.items()},
        "rows": {row.name: row.title for row in rows.values()},
        "trainings": study.run_trials(trials, order.jobs),
        "rivals": others.run_all([trial.seed for trial in trials if trial.row == OURS], order.jobs),
        "commits": study.commits(),
    }
    examples = {name: images[0] for name, images in seen.mixed.items()}
    return Done(frames.description, facts, partial(report.page, mixed_frames=examples))


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
