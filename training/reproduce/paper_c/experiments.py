"""Paper C's reproduction: joint training over all weathers with every method. C itself is a reconstruction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.reproduce.frames import street_frames
from training.reproduce.jobs import run_all
from training.reproduce.paper_b.experiments import commits
from training.reproduce.paper_b.scores import score, unchanged
from training.reproduce.paper_c.frames import CAMVID, Judges, judges
from training.reproduce.paper_c.rows import Row
from training.reproduce.paper_c.runs import Run, Runner
from training.reproduce.paper_c.scales import Scale

DATA_SETS = (CAMVID,)


def run(
    rows: Sequence[Row], data: Mapping[str, Path], scale: Scale, out: Path, command: str, jobs: int
) -> tuple[dict[str, Any], Judges]:
    """Train and judge what is not yet, `jobs` at a time; what came of it, and the frames that judged.

    Raises CheckpointError, FileNotFoundError and ValueError.
    """
    settings = replace(scale.training.data, camvid_root=str(data.get(CAMVID, "")))
    frames = street_frames(settings, scale.frames)
    seen = judges(frames, data, scale)
    runner = Runner(frames, seen, scale, out, command)
    seeds = [scale.training.seed + number for number in range(scale.seeds)]
    run_all(runner.train_router, seeds, jobs, out / "logs")
    todo = [Run(row, seed) for seed in seeds for row in rows]
    found = dict(zip(todo, run_all(runner, todo, jobs, out / "logs"), strict=True))
    result = {
        "data": list(frames.description),
        "commits": commits(out),
        "seeds": seeds,
        "weathers": list(scale.training.tasks),
        "degraded": {name: score(unchanged, some) for name, some in seen.restoration.items()},
        "rows": {row.name: row.title for row in rows},
        "trainings": {row.name: {str(seed): found[Run(row, seed)] for seed in seeds} for row in rows},
    }
    return result, seen
