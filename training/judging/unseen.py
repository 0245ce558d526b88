"""Frames to judge checkpoints on, clear or degraded; no training run uses them."""

from collections.abc import Iterable, Iterator

from training.data.degradations import LEVELS, degrade
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.judge import Frame

CAMVID_UNSEEN_DRIVES = ("0016E5",)
SEVERITIES = (0.4, 0.6, 0.8)
"""Severities of degradations with a severity from 0 to 1; degradations with levels take all their levels."""


def unseen_frames(drives: int) -> Iterator[Sample]:
    """Three frames of each of `drives` procedural drives."""
    for seed in range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + drives):
        drive = Drive(seed)
        yield from (drive.render(time) for time in (5.0, 15.0, 25.0))


def unseen_camvid_frames(root: str, stride: int) -> Iterator[Sample]:
    """Every `stride`-th frame of CamVid's validation drive; raises FileNotFoundError and ValueError as CamVid does."""
    camvid = CamVid(root, "val", CAMVID_UNSEEN_DRIVES)
    yield from (camvid[index] for index in range(0, len(camvid), stride))


def degraded_frames(samples: Iterable[Sample], name: str) -> Iterator[Frame]:
    """Every sample with a degradation, at its severities in turn; the seed is the sample's number."""
    severities = range(1, LEVELS[name] + 1) if name in LEVELS else SEVERITIES
    for index, sample in enumerate(samples):
        image = degrade(sample, name, severities[index % len(severities)], index)
        yield image, sample.image_HW3, sample.labels_HW
