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
from training.data.readers.camvid import CamVid
from training.data.readers.chiba import Chiba
from training.data.readers.pandaset import PandaSet
from training.data.readers.sets import LabelledSet
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.data.sky import with_sky
from training.data.source import PROCEDURAL, Source

SECONDS_PER_DRIVE = 60.0

Made = TypeVar("Made")


class Pool(NamedTuple):
    """Clear frames of one source, which `read` reads or renders, and their share of the examples, 0..1."""

    source: Source
    share: float
    read: Callable[[], Sequence[Sample]]


def training_pools(config: DataConfig) -> list[Pool]:
    """The procedural pool and those of the sets with a root; does not read or render frames yet.

    Raises ValueError for drives kept unseen or shares above 1 in all, and the FileNotFoundError and ValueError of the
    sets.
    """
    real = [REAL_POOLS[name](config) for name in config.real_sets]
    share = sum(pool.share for pool in real)
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


def camvid_pool(config: DataConfig) -> Pool:
    """CamVid's training frames of `camvid_drives`; raises the FileNotFoundError and ValueError of CamVid."""
    camvid = CamVid(config.camvid_root, "train", config.camvid_drives)
    return Pool(camvid.source, config.camvid_share, partial(_read, camvid, "reading CamVid"))


def pandaset_pool(config: DataConfig) -> Pool:
    """PandaSet's training frames; raises the FileNotFoundError and ValueError of PandaSet."""
    pandaset = PandaSet(config.pandaset_root, "train")
    return Pool(pandaset.source, config.pandaset_share, partial(_read, pandaset, "reading PandaSet", _under_sky))


def chiba_pool(config: DataConfig) -> Pool:
    """The training frames of Chiba's streets; raises the FileNotFoundError and ValueError of Chiba."""
    chiba = Chiba(config.chiba_root, "train")
    return Pool(chiba.source, config.chiba_share, partial(_read, chiba, "reading Chiba", _under_sky))


REAL_POOLS: dict[str, Callable[[DataConfig], Pool]] = {
    "camvid": camvid_pool,
    "pandaset": pandaset_pool,
    "chiba": chiba_pool,
}
"""The pool of each of REAL_SETS."""


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


def _under_sky(frames: LabelledSet, index: int) -> Sample:
    """The frame with the sky's depth wherever it looks like sky and has no label."""
    return _compact(with_sky(frames[index]))


def _render_drive(config: DataConfig, seed: int) -> list[Sample]:
    times = np.random.default_rng(seed).uniform(0, SECONDS_PER_DRIVE, config.frames_per_drive)
    drive = Drive(seed, config.height, config.width)
    return [_compact(drive.render(float(time))) for time in times]


def _compact(sample: Sample) -> Sample:
    """The sample with float16 depth, to save memory; precise to millimetres nearby, half a metre at SKY_DEPTH."""
    return sample._replace(depth_HW=sample.depth_HW.astype(np.float16))
