"""The frames of a reproduction: clear ones to train on, others to judge on, from drives that training never saw."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from training.config import DataConfig
from training.data.classes import CLASSES
from training.data.degradations import LEVELS, degrade
from training.data.pool import camvid_pool, procedural_pool
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judge import Frame

CAMVID_UNSEEN_DRIVES = ("0016E5",)
JUDGED_SEVERITIES = (0.4, 0.6, 0.8)


class Frames(NamedTuple):
    """Pools to train on with their shares, frames to judge on, the number of classes, and what it all is."""

    name: str
    pools: list[Sequence[Sample]]
    shares: list[float]
    judged: Sequence[Sample]
    classes: int
    description: list[str]


def street_frames(config: DataConfig, judged: int) -> Frames:
    """CamVid with procedural scenes, or without `camvid_root` these alone; `judged` frames at most to judge on.

    Raises FileNotFoundError and ValueError for a root that is not CamVid's.
    """
    procedural = procedural_pool(config)
    told = [f"procedural scenes, drives 0 to {config.drives - 1}, {len(procedural)} frames"]
    if not config.camvid_root:
        unseen = procedural_judges(config, judged)
        told.append(f"judged on {len(unseen)} frames of procedural drives from {UNSEEN_SEEDS_FROM}")
        return Frames("procedural", [procedural], [1.0], unseen, len(CLASSES), told)
    camvid = camvid_pool(config)
    whole = CamVid(config.camvid_root, "val", CAMVID_UNSEEN_DRIVES)
    seen, unseen = ", ".join(config.camvid_drives), spread(whole, judged)
    told = [f"CamVid, training drives {seen}, {len(camvid)} frames ({config.camvid_share:.0%})", *told]
    told.append(f"judged on {len(unseen)} frames of CamVid's validation drive {', '.join(CAMVID_UNSEEN_DRIVES)}")
    return Frames(
        "camvid", [camvid, procedural], [config.camvid_share, 1 - config.camvid_share], unseen, len(CLASSES), told
    )


def procedural_judges(config: DataConfig, count: int) -> list[Sample]:
    """Frames of drives that no training takes, one a drive."""
    seeds = range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + count)
    return [Drive(seed, config.height, config.width).render(10.0) for seed in seeds]


def spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most `count` of the samples, evenly spread."""
    stride = max(1, -(-len(samples) // count))
    return [samples[index] for index in range(0, len(samples), stride)]


def degraded(samples: Sequence[Sample], name: str) -> Iterator[Frame]:
    """Every sample degraded; the severities take turns, and each sample's seed is its number."""
    for index, sample in enumerate(samples):
        yield degrade(sample, name, judged_severity(name, index), index), sample.image_HW3, sample.labels_HW


def judged_severity(name: str, index: int) -> float:
    """The severity of the judged frame number `index`: the levels in turn, or JUDGED_SEVERITIES."""
    if name in LEVELS:
        return float(1 + index % LEVELS[name])
    return JUDGED_SEVERITIES[index % len(JUDGED_SEVERITIES)]
