"""A pool of clear frames in memory, to crop and degrade training samples from."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from tqdm import tqdm

from training.config import DataConfig
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive

SECONDS_PER_DRIVE = 60.0


def training_pools(config: DataConfig) -> tuple[list[list[Sample]], list[float]]:
    """The procedural pool, and CamVid's where its root is given; the share of the examples that each gives."""
    procedural, camvid = procedural_pool(config), camvid_pool(config)
    share = config.camvid_share if camvid else 0.0
    pairs = [(pool, part) for pool, part in ((procedural, 1 - share), (camvid, share)) if pool and part]
    return [pool for pool, _ in pairs], [part for _, part in pairs]


def procedural_pool(config: DataConfig, workers: int = 2) -> list[Sample]:
    """`frames_per_drive` frames of each of `drives` procedural drives, at times that the drive's seed picks."""
    if config.drives >= UNSEEN_SEEDS_FROM:
        raise ValueError(
            f"drives: {config.drives} would train on seeds kept unseen; use fewer than {UNSEEN_SEEDS_FROM}"
        )
    render = partial(_render_drive, config)
    with ProcessPoolExecutor(workers) as executor:
        drives = tqdm(executor.map(render, range(config.drives)), "rendering drives", config.drives, unit="drive")
        return [sample for samples in drives for sample in samples]


def camvid_pool(config: DataConfig) -> list[Sample]:
    """CamVid's training frames of `camvid_drives`; empty where no root is given."""
    if not config.camvid_root:
        return []
    return list(_progress(CamVid(config.camvid_root, "train", config.camvid_drives)))


def _progress(camvid: CamVid) -> Iterator[Sample]:
    for index in tqdm(range(len(camvid)), "reading CamVid", unit="frame"):
        yield camvid[index]


def _render_drive(config: DataConfig, seed: int) -> list[Sample]:
    times = np.random.default_rng(seed).uniform(0, SECONDS_PER_DRIVE, config.frames_per_drive)
    drive = Drive(seed, config.height, config.width)
    return [_compact(drive.render(float(time))) for time in times]


def _compact(sample: Sample) -> Sample:
    """Depth as float16 (millimetres near, half a metre at SKY_DEPTH), so that a pool fits in memory."""
    return sample._replace(depth_HW=sample.depth_HW.astype(np.float16))
