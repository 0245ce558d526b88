"""The frames that judge paper C's reproduction, rendered once for all trainings: unseen drives, and mixed weather."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from training.data.degradations import degrade
from training.data.degradations.arguments import Image
from training.data.sample import Sample
from training.judging.judge import Frame, degraded_frames
from training.recipes.paper_c.calibration import Labelled, validation_frames
from training.reproduce.frames import CAMVID, Frames, unseen_camvid, unseen_drives
from training.reproduce.paper_c.rows import MuirfScale

PROCEDURAL = "procedural"

MIXED = (("fog", "rain"), ("fog", "snow"), ("rain", "snow"))
"""Weathers laid over one another, the farthest first."""

MIXED_SEVERITY = 0.6


class Judges(NamedTuple):
    """Frames for the restoration, by weather; for the router's temperature; for the router, by set; in mixed weather.

    `mixed` holds single weathers too; its names are those of the weathers, joined by a plus.
    """

    restoration: Mapping[str, Sequence[Frame]]
    validation: Sequence[Labelled]
    router: Mapping[str, Sequence[Labelled]]
    mixed: Mapping[str, Sequence[Image]]


def judges(frames: Frames, data: Mapping[str, Path], scale: MuirfScale) -> Judges:
    """All of them; raises FileNotFoundError and ValueError as CamVid does."""
    config = scale.training
    drives = unseen_drives(config.data, scale.router_frames)
    sets = {PROCEDURAL: drives}
    if CAMVID in data:
        sets[CAMVID] = unseen_camvid(data[CAMVID], scale.router_frames)
    return Judges(
        {task: list(frames.judged(task)) for task in config.tasks},
        validation_frames(config),
        {name: labelled(samples, config.tasks) for name, samples in sets.items()},
        mixed(drives[: scale.frames], config.tasks),
    )


def labelled(samples: Sequence[Sample], weathers: Sequence[str]) -> list[Labelled]:
    """Every sample in every weather, the severities in turn, with the weather's number."""
    return [(image, number) for number, name in enumerate(weathers) for image, _, _ in degraded_frames(samples, name)]


def mixed(samples: Sequence[Sample], weathers: Sequence[str]) -> dict[str, list[Image]]:
    """Every sample in single weathers and in two at once, at MIXED_SEVERITY."""
    pairs = [pair for pair in MIXED if set(pair) <= set(weathers)]
    conditions = [*((name,) for name in weathers), *pairs]
    return {
        " + ".join(names): [overlaid(sample, names, seed) for seed, sample in enumerate(samples)]
        for names in conditions
    }


def overlaid(sample: Sample, names: Sequence[str], seed: int) -> Image:
    """One weather after the other on the same frame."""
    for name in names:
        sample = sample._replace(image_HW3=degrade(sample, name, MIXED_SEVERITY, seed))
    return sample.image_HW3
