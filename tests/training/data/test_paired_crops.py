"""Crops of pairs on disk: the same part of every plane, the same in every run."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.support import datasets
from training.config import PairedSetConfig
from training.data.classes import VOID
from training.data.paired_crops import PairedCrops, SegmentedCrops, open_pairs
from training.data.readers.adverse_cityscapes import RainCityscapes
from training.data.readers.pairs import PairFolder

SIZE = (12, 16)


def folder_of_ramps(root: Path) -> None:
    """A pair whose planes all show the column: as the label, 10 times it in the clear frame, 20 times degraded."""
    datasets.pairs(root)
    columns = np.tile(np.arange(datasets.COLUMNS, dtype=np.uint8) // 3, (datasets.ROWS, 1))
    assert cv2.imwrite(str(root / "input/a.png"), np.dstack([columns * 20] * 3))
    (root / "target/a.jpg").unlink()
    assert cv2.imwrite(str(root / "target/a.png"), np.dstack([columns * 10] * 3))
    assert cv2.imwrite(str(root / "labels/a.png"), columns)


def test_the_frames_and_the_labels_show_the_same_part(tmp_path: Path) -> None:
    folder_of_ramps(tmp_path)
    crops = PairedCrops(PairFolder(tmp_path), SIZE, seed=3)
    mirrored = set()
    for index in range(8):
        degraded, clear, labels, weather = crops[index]
        assert degraded.shape == clear.shape == (3, *SIZE)
        assert degraded.dtype == clear.dtype == labels.dtype == torch.uint8
        assert int(weather) == 0
        assert torch.allclose(degraded.float(), 2 * clear.float(), atol=2)
        assert (degraded[0].float() / 20 - labels.float()).abs().max() <= 1, "except at class boundaries"
        mirrored.add(bool(labels[0, 0] > labels[0, -1]))
    assert mirrored == {True, False}


def test_an_index_is_the_same_in_every_run_and_others_differ(tmp_path: Path) -> None:
    folder_of_ramps(tmp_path)
    once, again, other = (PairedCrops(PairFolder(tmp_path), SIZE, seed) for seed in (3, 3, 4))
    for index in (0, 5, 10**6):
        assert all(torch.equal(a, b) for a, b in zip(once[index], again[index], strict=True))
    assert not all(torch.equal(once[i].degraded_3HW, other[i].degraded_3HW) for i in range(4))
    assert not all(torch.equal(once[0].degraded_3HW, once[i].degraded_3HW) for i in range(1, 4))


def test_every_pair_of_rain_cityscapes_is_drawn_with_its_labels(tmp_path: Path) -> None:
    datasets.rain_cityscapes(tmp_path)
    pairs = RainCityscapes(tmp_path, "train")
    datasets.picture(pairs.image_path(0), 90)
    found = [PairedCrops(pairs, SIZE, seed=0)[index] for index in range(16)]
    assert {int(example.degraded_3HW[0, 0, 0]) for example in found} == {90, 150}
    assert {int(value) for example in found for value in example.labels_HW.unique()} == {0, 10}


def test_a_pair_without_labels_has_void_ones(tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    shutil.rmtree(tmp_path / "labels")
    example = PairedCrops(PairFolder(tmp_path), SIZE, seed=0)[0]
    assert example.labels_HW.shape == SIZE
    assert bool((example.labels_HW == VOID).all())


def test_a_precomputed_segmentation_is_cut_as_its_frame_is(tmp_path: Path) -> None:
    folder_of_ramps(tmp_path / "set")
    shutil.copytree(tmp_path / "set/labels", tmp_path / "originals")
    pairs = PairFolder(tmp_path / "set")
    for index in range(4):
        example = SegmentedCrops(pairs, tmp_path / "originals", SIZE, seed=3)[index]
        plain = PairedCrops(pairs, SIZE, seed=3)[index]
        assert all(torch.equal(a, b) for a, b in zip(example[:4], plain, strict=True))
        assert torch.equal(example.original_HW, example.labels_HW)


def test_precomputed_segmentations_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    folder_of_ramps(tmp_path / "set")
    pairs, folder = PairFolder(tmp_path / "set"), tmp_path / "originals"
    with pytest.raises(FileNotFoundError, match=r"1 of 1 frames have no label map there, the first .*originals/a\.png"):
        SegmentedCrops(pairs, folder, SIZE, seed=0)
    datasets.label_map(folder / "a.png", 0, 11)
    with pytest.raises(ValueError, match=r"originals/a\.png: label 11 is out of range; this set has 0\.\.10, 255"):
        SegmentedCrops(pairs, folder, SIZE, seed=0)[0]
    datasets.label_map(folder / "a.png", 0, 10, size=(8, 8))
    with pytest.raises(ValueError, match=r"input/a\.png.*differs from \(8, 8\) of .*originals/a\.png"):
        SegmentedCrops(pairs, folder, SIZE, seed=0)[0]


def test_pairs_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    datasets.pairs(tmp_path / "pairs/day")
    assert open_pairs(PairedSetConfig(str(tmp_path / "pairs"))).names == ("a",)
    datasets.pairs(tmp_path / "pairs/night")
    with pytest.raises(ValueError, match="there are the splits day, night; name one with --pairs-split"):
        open_pairs(PairedSetConfig(str(tmp_path / "pairs")))
    shutil.rmtree(tmp_path / "pairs/day/labels")
    with pytest.raises(ValueError, match="its frames have no labels"):
        open_pairs(PairedSetConfig(str(tmp_path / "pairs"), "day"))
    datasets.camvid(tmp_path / "camvid")
    with pytest.raises(ValueError, match="no clear partners"):
        open_pairs(PairedSetConfig(str(tmp_path / "camvid")))
    datasets.acdc(tmp_path / "acdc")
    with pytest.raises(ValueError, match="do not agree pixel by pixel"):
        open_pairs(PairedSetConfig(str(tmp_path / "acdc"), "train"))
