"""Pools of clear frames to make training examples from; each pool has one source."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from operator import getitem
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from training.config import DataConfig
from training.data.classes import CLASS_ID, VOID
from training.data.crops import Window
from training.data.lidar_depth import without_holes
from training.data.readers.camvid import CamVid
from training.data.readers.chiba import Chiba
from training.data.readers.pandaset import PandaSet
from training.data.readers.pixels import Pixels
from training.data.readers.sets import LabelledSet
from training.data.readers.stills import Lund, Udacity
from training.data.sample import Sample, assumed_depth
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.data.sky import sky_like, with_sky
from training.data.source import PROCEDURAL, Source

SECONDS_PER_DRIVE = 60.0

WIDEST = 1280
"""Columns of the widest photograph; larger ones are reduced, so that crops show a part of a street."""

Made = TypeVar("Made")

Teach = Callable[[Pixels, Sequence[int]], Pixels]
"""A teacher: image, uint8 [H, W, 3] RGB, and impossible classes -> labels, uint8 [H, W], VOID where it is in doubt."""


class Pool(NamedTuple):
    """Clear frames of one source, which `read` reads or renders, and their share of the examples, 0..1."""

    source: Source
    share: float
    read: Callable[[], Sequence[Sample]]


def training_pools(config: DataConfig, teach: Teach | None = None) -> list[Pool]:
    """The procedural pool and those of the sets with a root; does not read or render frames yet.

    `teach` names the pixels of real frames that have no label; then assumed depths are those of its labels too.
    Raises ValueError for drives kept unseen or shares above 1 in all, and the FileNotFoundError and ValueError of the
    sets.
    """
    real = [REAL_POOLS[name](config, teach) for name in config.real_sets]
    share = round(sum(pool.share for pool in real), 9)
    if share > 1:
        raise ValueError(f"data: the shares of {', '.join(config.real_sets)} are {share:g} in all; make it 1 or less")
    return [pool for pool in (procedural_pool(config)._replace(share=1 - share), *real) if pool.share]


def procedural_pool(config: DataConfig) -> Pool:
    """`frames_per_drive` frames of each of `drives` procedural drives; the drive's seed chooses their times."""
    if config.drives >= UNSEEN_SEEDS_FROM:
        raise ValueError(
            f"drives: {config.drives} would train on seeds kept unseen; use fewer than {UNSEEN_SEEDS_FROM}"
        )
    return Pool(PROCEDURAL, 1.0, partial(_render, config))


def camvid_pool(config: DataConfig, teach: Teach | None = None) -> Pool:
    """CamVid's training frames of `camvid_drives`; raises the FileNotFoundError and ValueError of CamVid.

    A human labelled them, so `teach` changes nothing.
    """
    camvid = CamVid(config.camvid_root, "train", config.camvid_drives)
    return Pool(camvid.source, config.camvid_share, partial(_read, camvid, "reading CamVid"))


def pandaset_pool(config: DataConfig, teach: Teach | None = None) -> Pool:
    """PandaSet's training frames; raises the FileNotFoundError and ValueError of PandaSet."""
    pandaset = PandaSet(config.pandaset_root, "train")
    return Pool(pandaset.source, config.pandaset_share, partial(_read_real, pandaset, "reading PandaSet", teach))


def chiba_pool(config: DataConfig, teach: Teach | None = None) -> Pool:
    """The training frames of Chiba's streets; raises the FileNotFoundError and ValueError of Chiba."""
    return _assumed(Chiba(config.chiba_root, "train"), config.chiba_share, "reading Chiba", teach)


def lund_pool(config: DataConfig, teach: Teach | None = None) -> Pool:
    """OpenSfM's photographs; raises the FileNotFoundError and ValueError of Stills."""
    return _assumed(Lund(config.lund_root), config.lund_share, "reading Lund", teach)


def udacity_pool(config: DataConfig, teach: Teach | None = None) -> Pool:
    """Udacity's highway; raises the FileNotFoundError and ValueError of Stills."""
    return _assumed(Udacity(config.udacity_root), config.udacity_share, "reading Udacity", teach)


REAL_POOLS: dict[str, Callable[[DataConfig, Teach | None], Pool]] = {
    "camvid": camvid_pool,
    "pandaset": pandaset_pool,
    "chiba": chiba_pool,
    "lund": lund_pool,
    "udacity": udacity_pool,
}
"""The pool of each of REAL_SETS."""


def _assumed(frames: LabelledSet, share: float, title: str, teach: Teach | None) -> Pool:
    """The pool of a set without measured depth."""
    return Pool(frames.source, share, partial(_read_real, frames, title, teach, assumed=True))


def _render(config: DataConfig) -> list[Sample]:
    drives = _in_processes(partial(_render_drive, config), config.drives, "rendering drives", "drive")
    return [sample for samples in drives for sample in samples]


def _read(frames: LabelledSet, title: str, take: Callable[[LabelledSet, int], Sample] = getitem) -> list[Sample]:
    return list(_in_processes(partial(take, frames), len(frames), title, "frame"))


def _in_processes(make: Callable[[int], Made], count: int, title: str, unit: str) -> Iterator[Made]:
    """`make` of 0 .. `count` - 1, with a process for each core."""
    cv2.setNumThreads(0)  # a forked process would wait for OpenCV's threads, which stay behind
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        # A chunk has one copy of `make`, which may hold the paths of all frames.
        made = executor.map(make, range(count), chunksize=1 + count // 100)
        yield from tqdm(made, title, count, unit=unit)


def _read_real(frames: LabelledSet, title: str, teach: Teach | None, assumed: bool = False) -> list[Sample]:
    """The frames, no wider than WIDEST, labelled by `teach` where they have no label, under their sky.

    `assumed`: their depth is not measured, so it follows from the labels of `teach`; these close the holes of a
    measured one.
    """
    if teach is None:
        return _read(frames, title, _under_sky)
    read = tqdm(_read(frames, title, _narrow), title.replace("reading", "labelling"), unit="frame")
    return [_compact(with_sky(_taught(sample, frames, teach, assumed))) for sample in read]


def _under_sky(frames: LabelledSet, index: int) -> Sample:
    return _compact(with_sky(_narrow(frames, index)))


def _narrow(frames: LabelledSet, index: int) -> Sample:
    sample = frames[index]
    height, width = sample.labels_HW.shape
    if width <= WIDEST:
        return sample
    return Window(0, 0, height, width, False, (round(height * WIDEST / width), WIDEST)).sample(sample)


def _taught(sample: Sample, frames: LabelledSet, teach: Teach, assumed: bool) -> Sample:
    named_HW = teach(sample.image_HW3, frames.settled)
    # A teacher takes bright walls for the sky more often than `sky_like` does.
    named_HW = np.where((named_HW == CLASS_ID["sky"]) & ~sky_like(sample.image_HW3), np.uint8(VOID), named_HW)
    labels_HW = np.where(sample.labels_HW == VOID, named_HW, sample.labels_HW)
    if assumed:
        return sample._replace(labels_HW=labels_HW, depth_HW=assumed_depth(labels_HW))
    solid_HW = (labels_HW != VOID) & (labels_HW != CLASS_ID["sky"])
    return sample._replace(labels_HW=labels_HW, depth_HW=without_holes(sample.depth_HW, solid_HW))


def _render_drive(config: DataConfig, seed: int) -> list[Sample]:
    times = np.random.default_rng(seed).uniform(0, SECONDS_PER_DRIVE, config.frames_per_drive)
    drive = Drive(seed, config.height, config.width)
    return [_compact(drive.render(float(time))) for time in times]


def _compact(sample: Sample) -> Sample:
    """The sample with float16 depth, to save memory; precise to millimetres nearby, half a metre at SKY_DEPTH."""
    return sample._replace(depth_HW=sample.depth_HW.astype(np.float16))
