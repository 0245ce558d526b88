"""Pools of clear frames: their shares, their sources before anything is read, and frames read in processes."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support import datasets
from training.config import DataConfig
from training.data.pool import training_pools
from training.data.readers.pandaset import PandaSet
from training.data.sky import with_sky


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    """Tiny copies of PandaSet and Chiba's streets."""
    datasets.pandaset(tmp_path / "pandaset")
    datasets.chiba(tmp_path / "chiba")
    return DataConfig(
        drives=1,
        frames_per_drive=2,
        height=64,
        width=96,
        pandaset_root=str(tmp_path / "pandaset"),
        chiba_root=str(tmp_path / "chiba"),
    )


def test_real_streets_take_their_shares_and_procedural_drives_the_rest(config: DataConfig) -> None:
    pools = training_pools(config)
    assert [pool.share for pool in pools] == pytest.approx([0.4, 0.2, 0.4])
    assert [pool.source.use for pool in pools] == ["any"] * 3
    assert [pool.share for pool in training_pools(replace(config, pandaset_share=0.6))] == [0.6, 0.4]
    with pytest.raises(ValueError, match=r"the shares of pandaset, chiba are 1\.3 in all; make it 1 or less"):
        training_pools(replace(config, pandaset_share=0.9))


def test_frames_are_read_in_order_in_processes_also_after_opencv_had_threads(config: DataConfig) -> None:
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.float32), (0, 0), 5)
    procedural, pandaset, _ = (pool.read() for pool in training_pools(config))
    assert len(procedural) == 2 and procedural[0].image_HW3.shape == (64, 96, 3)
    expected = PandaSet(config.pandaset_root, "train")
    assert len(pandaset) == len(expected)
    for found, frame in zip(pandaset, map(with_sky, expected), strict=True):
        assert np.array_equal(found.image_HW3, frame.image_HW3) and np.array_equal(found.labels_HW, frame.labels_HW)
        np.testing.assert_allclose(found.depth_HW, frame.depth_HW, rtol=1e-3)
