"""Pools of clear frames to make training examples from; each pool has one source."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from training.config import DataConfig
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.data.source import PROCEDURAL, Source

SECONDS_PER_DRIVE = 60.0


class Pool(NamedTuple):
    """Clear frames of one source, which `read` reads or renders, and their share of the examples, 0..1."""

    source: Source
    share: float
    read: Callable[[], Sequence[Sample]]


def training_pools(config: DataConfig) -> list[Pool]:
    """The procedural pool and, with `camvid_root`, CamVid's pool; does not read or render frames yet.

    Raises ValueError for drives kept unseen, and the FileNotFoundError and ValueError of CamVid.
    """
    camvid = [camvid_pool(config)] if config.camvid_root else []
    share = config.camvid_share if camvid else 0.0
    return [pool for pool in (procedural_pool(config)._replace(share=1 - share), *camvid) if pool.share]


def procedural_pool(config: DataConfig, workers: int = 2) -> Pool:
    """`frames_per_drive` frames of each of `drives` procedural drives; the drive's seed chooses their times."""
    if config.drives >= UNSEEN_SEEDS_FROM:
        raise ValueError(
            f"drives: {config.drives} would train on seeds kept unseen; use fewer than {UNSEEN_SEEDS_FROM}"
        )
    return Pool(PROCEDURAL, 1.0, partial(_render, config, workers))


def camvid_pool(config: DataConfig) -> Pool:
    """CamVid's training frames of `camvid_drives`; raises the FileNotFoundError and ValueError of CamVid."""
    camvid = CamVid(config.camvid_root, "train", config.camvid_drives)
    return Pool(camvid.source, config.camvid_share, lambda: list(_progress(camvid)))


def _render(config: DataConfig, workers: int) -> list[Sample]:
    render = partial(_render_drive, config)
    with ProcessPoolExecutor(workers) as executor:
        drives = tqdm(executor.map(render, range(config.drives)), "rendering drives", config.drives, unit="drive")
        return [sample for samples in drives for sample in samples]


def _progress(camvid: CamVid) -> Iterator[Sample]:
    for index in tqdm(range(len(camvid)), "reading CamVid", unit="frame"):
        yield camvid[index]


def _render_drive(config: DataConfig, seed: int) -> list[Sample]:
    times = np.random.default_rng(seed).uniform(0, SECONDS_PER_DRIVE, config.frames_per_drive)
    drive = Drive(seed, config.height, config.width)
    return [_compact(drive.render(float(time))) for time in times]


def _compact(sample: Sample) -> Sample:
    """The sample with float16 depth, to save memory; precise to millimetres nearby, half a metre at SKY_DEPTH."""
    return sample._replace(depth_HW=sample.depth_HW.astype(np.float16))
