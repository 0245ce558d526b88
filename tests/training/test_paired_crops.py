"""Crops of pairs on disk: the same part of every plane, the same in every run."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import torch

from tests.support import datasets
from training.data.classes import VOID
from training.data.paired_crops import PairedCrops
from training.data.readers.adverse_cityscapes import RainCityscapes
from training.data.readers.pairs import PairFolder

SIZE = (12, 16)


def folder_of_ramps(root: Path) -> None:
    """A pair whose planes all tell the column: the clear frame 10 times its label, the degraded one 20 times."""
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
        assert (degraded[0].float() / 20 - labels.float()).abs().max() <= 1, "but for where classes meet"
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
