"""Pools of clear frames: their shares, their sources before anything is read, and frames read in processes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import datasets
from training.config import DataConfig
from training.data.classes import CLASS_ID, VOID
from training.data.pool import WIDEST, training_pools
from training.data.readers import pandaset as pandaset_reader
from training.data.readers.chiba import Chiba
from training.data.readers.pandaset import PandaSet
from training.data.readers.pixels import Pixels
from training.data.sample import SKY_DEPTH, Sample, assumed_depth
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
    assert [pool.share for pool in pools] == pytest.approx([0.5, 0.2, 0.3])
    assert [pool.source.use for pool in pools] == ["any"] * 3
    assert [pool.share for pool in training_pools(replace(config, pandaset_share=0.7))] == [0.7, 0.3]
    with pytest.raises(ValueError, match=r"the shares of pandaset, chiba are 1\.2 in all; make it 1 or less"):
        training_pools(replace(config, pandaset_share=0.9))
    tenths = replace(config, pandaset_share=0.7, chiba_share=0.2, lund_share=0.1)
    datasets.picture(Path(config.pandaset_root).parent / "lund/images/data_lund_images_01.png", size=(64, 96))
    in_all = training_pools(replace(tenths, lund_root=str(Path(config.pandaset_root).parent / "lund")))
    assert [pool.share for pool in in_all] == [0.7, 0.2, 0.1], "one in all, up to the last bit"


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


def test_a_teacher_names_only_what_has_no_label_and_assumed_depths_follow_it(config: DataConfig) -> None:
    tree = CLASS_ID["tree"]
    pools = training_pools(config, lambda image, _: np.full(image.shape[:2], tree, np.uint8))
    drives, pandaset, chiba = (pool.read() for pool in pools)
    untaught = training_pools(config)[0].read()
    assert all(np.array_equal(*labels) for labels in zip(labels_of(untaught), labels_of(drives), strict=True))
    for frames, taught in (
        (PandaSet(config.pandaset_root, "train"), pandaset),
        (Chiba(config.chiba_root, "train"), chiba),
    ):
        for before, after in zip(frames, taught, strict=True):
            assert np.array_equal(after.labels_HW, np.where(before.labels_HW == VOID, tree, before.labels_HW))
            assert 0 < (before.labels_HW == VOID).mean() < 1
            measured_HW = assumed_depth(after.labels_HW) if isinstance(frames, Chiba) else before.depth_HW
            np.testing.assert_allclose(after.depth_HW, measured_HW, rtol=1e-3)


def test_a_teacher_closes_the_holes_of_a_measured_depth(config: DataConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lidar took a wall for the sky, above the horizon."""

    def holed(measured_HW: NDArray[np.float32], _: Pixels) -> NDArray[np.float32]:
        depth_HW = np.full(measured_HW.shape, 20, np.float32)
        depth_HW[: len(depth_HW) // 4] = SKY_DEPTH
        return depth_HW

    monkeypatch.setattr(pandaset_reader, "complete_depth", holed)
    pools = training_pools(config, lambda image, _: np.full(image.shape[:2], CLASS_ID["building"], np.uint8))
    assert all((sample.depth_HW == 20).all() for sample in pools[1].read())


def test_a_teacher_is_told_what_an_unlabelled_pixel_cannot_be(config: DataConfig) -> None:
    told = []

    def teach(image_HW3: Pixels, excluded: Sequence[int]) -> Pixels:
        told.append(tuple(excluded))
        return np.full(image_HW3.shape[:2], VOID, np.uint8)

    _, pandaset, chiba = (pool.read() for pool in training_pools(config, teach))
    assert told == [()] * len(pandaset) + [(CLASS_ID["road"],)] * len(chiba)


def test_a_teacher_s_sky_must_look_like_one(config: DataConfig) -> None:
    sky = CLASS_ID["sky"]
    for root in (config.pandaset_root, config.chiba_root):
        for path in Path(root).glob("images/*"):
            cv2.imwrite(str(path), cv2.imread(str(path)) // 5)
    _, pandaset, chiba = training_pools(config, lambda image, _: np.full(image.shape[:2], sky, np.uint8))
    assert all((labels != sky).all() for labels in labels_of([*pandaset.read(), *chiba.read()])), "dark pictures"


def labels_of(samples: Sequence[Sample]) -> list[Pixels]:
    return [sample.labels_HW for sample in samples]


def test_photographs_are_no_wider_than_a_street_s_part_needs(config: DataConfig, tmp_path: Path) -> None:
    datasets.picture(tmp_path / "lund/images/data_lund_images_01.png", size=(96, 2 * WIDEST))
    datasets.picture(tmp_path / "lund/images/data_lund_images_02.png", size=(48, 64))
    pools = training_pools(replace(config, lund_root=str(tmp_path / "lund")))
    assert [sample.image_HW3.shape for sample in pools[-1].read()] == [(48, WIDEST, 3), (48, 64, 3)]
