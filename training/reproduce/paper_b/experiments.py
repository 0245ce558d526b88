"""Paper B's tables: which can run, and the trainings of their rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from training.complexity import measure
from training.loop import checkpoint
from training.recipes.paper_b.network_config import PRESETS
from training.reproduce.jobs import run_all
from training.reproduce.paper_b.frames import (
    CAMVID,
    FOUNDIR,
    FOUNDIR_TEST,
    STREET,
    TASKS,
    WEATHERBENCH,
    middle,
    open_frames,
)
from training.reproduce.paper_b.rows import ABLATIONS, COMPLEXITY, Setup, rows, trainings
from training.reproduce.paper_b.rows import FOUNDIR as TABLE_2
from training.reproduce.paper_b.rows import WEATHERBENCH as TABLE_1
from training.reproduce.paper_b.runs import Run, Runner
from training.reproduce.paper_b.scales import Scale
from training.reproduce.paper_b.scores import score, unchanged

TABLES = (TABLE_1, TABLE_2, COMPLEXITY, *ABLATIONS)


class Experiment(NamedTuple):
    """Data, one of `TASKS`, and the tables whose rows are trained and judged on them."""

    data: str
    tables: tuple[str, ...]


def plan(data: Mapping[str, Path], scale: Scale, tables: Sequence[str]) -> list[Experiment]:
    """The experiments for which there are data: Tables 1 and 2 on their own, the ablations on WeatherBench and streets.

    Without any data there are the procedural scenes, but not at the full scale.
    """
    street = CAMVID in data or (not data and scale.name != "full")
    found = [Experiment(STREET, ABLATIONS)] if street else []
    found += [Experiment(WEATHERBENCH, (TABLE_1, *ABLATIONS))] if WEATHERBENCH in data else []
    found += [Experiment(FOUNDIR, (TABLE_2,))] if {FOUNDIR, FOUNDIR_TEST} <= set(data) else []
    wanted = [Experiment(name, tuple(table for table in some if table in tables)) for name, some in found]
    return [experiment for experiment in wanted if experiment.tables]


def absent(data: Mapping[str, Path], tables: Sequence[str]) -> list[str]:
    """The tables that cannot run as the paper has them, and for want of what."""
    lines = []
    for table in tables:
        if table in (TABLE_1, *ABLATIONS) and WEATHERBENCH not in data:
            rest = " on the paper's own data" if table in ABLATIONS else ""
            lines.append(f"{title(table)}{rest}: no WeatherBench (--data weatherbench=ROOT)")
        if table == TABLE_2 and not {FOUNDIR, FOUNDIR_TEST} <= set(data):
            lines.append(f"{title(table)}: no FoundIR (--data foundir=TRAIN_ROOT --data foundir-test=TEST_ROOT)")
    return lines


def title(table: str) -> str:
    """What the paper calls it."""
    return "Figure 6" if table == "figure-6" else f"Table {table}"


def run(
    experiment: Experiment, data: Mapping[str, Path], scale: Scale, out: Path, command: str, jobs: int
) -> dict[str, Any]:
    """Train and judge what is not yet, `jobs` at a time; raises CheckpointError, FileNotFoundError and ValueError."""
    frames = open_frames(experiment.data, data, scale.training, scale.frames)
    folder = out / experiment.data
    runner = Runner(frames, experiment.data, scale, folder, command)
    wanted = rows(scale.training.model, experiment.tables)
    setups = trainings(scale.training.model, wanted)
    seeds = [scale.training.seed + number for number in range(scale.seeds)]
    todo = [Run(name, setup, seed) for seed in seeds for name, setup in setups.items()]
    found = dict(zip(todo, run_all(runner, todo, jobs, folder / "logs"), strict=True))
    names = {setup: name for name, setup in setups.items()}
    judged = {task: middle(frames.judged(task), scale.window) for task in TASKS[experiment.data]}
    return {
        "name": experiment.data,
        "data": list(frames.description),
        "commits": commits(folder),
        "seeds": seeds,
        "ours": names[Setup(scale.training.model)],
        "degraded": {task: score(unchanged, some) for task, some in judged.items()},
        "trainings": {
            name: {str(seed): found[Run(name, setup, seed)] for seed in seeds} for name, setup in setups.items()
        },
        "rows": [{"table": row.table, "label": row.label, "training": names[row.setup]} for row in wanted],
    }


def complexity(scale: Scale) -> dict[str, dict[str, Any]]:
    """Table 4: parameters, multiply-adds and latency of the presets, and the image's size."""
    size = scale.complexity_size
    return {name: asdict(measure(PRESETS[name](), *size)) | {"size": list(size)} for name in scale.presets}


def commits(folder: Path) -> list[str]:
    """The commits of the code that trained the runs."""
    return sorted({json.loads(path.read_text())["commit"] for path in folder.rglob(checkpoint.STATE_FILE)})
