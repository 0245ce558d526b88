"""Paper C's reproduction: joint training over all weathers with every method. C itself is a reconstruction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.reproduce.command import Order
from training.reproduce.frames import CAMVID, street_frames
from training.reproduce.jobs import run_all
from training.reproduce.paper_c.frames import Judges, judges
from training.reproduce.paper_c.rows import MethodRow
from training.reproduce.paper_c.scales import MuirfScale
from training.reproduce.paper_c.trainings import MuirfStudy
from training.reproduce.scores import score, unchanged


def run(
    rows: Sequence[MethodRow], data: Mapping[str, Path], scale: MuirfScale, order: Order
) -> tuple[dict[str, Any], Judges]:
    """Train and judge the unfinished trials; returns the result, and the frames that judged.

    Raises CheckpointError, FileNotFoundError and ValueError.
    """
    settings = replace(scale.training.data, camvid_root=str(data.get(CAMVID, "")))
    frames = street_frames(settings, scale.frames)
    seen = judges(frames, data, scale)
    study = MuirfStudy(frames, scale, order.out, order.command, seen, rows)
    seeds = [scale.training.seed + number for number in range(scale.seeds)]
    if scale.router:
        run_all(study.train_router, seeds, order.jobs, study.logs)
    result = {
        "data": list(frames.description),
        "seeds": seeds,
        "weathers": list(scale.training.tasks),
        "degraded": {name: score(unchanged, some) for name, some in seen.restoration.items()},
        "rows": {row.name: row.title for row in rows},
        "trainings": study.run([row.name for row in rows], seeds, order.jobs),
        "commits": study.commits(),
    }
    return result, seen
