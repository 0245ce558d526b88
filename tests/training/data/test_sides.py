"""A mirrored face: the left brow of the picture is the right brow of its mirror image."""

from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from tests.support import datasets
from training.data.batches import DegradedCrops
from training.data.crops import Window, draw_window
from training.data.mixture import Mixture
from training.data.readers.celebamask import PARTS, CelebAMaskHQ

LEFT, RIGHT = 1 + PARTS.index("l_brow"), 1 + PARTS.index("r_brow")


@pytest.fixture
def face(tmp_path: Path) -> CelebAMaskHQ:
    """A face with its left brow on the left of the picture, its right brow on the right."""
    datasets.picture(tmp_path / "CelebA-HQ-img/0.jpg")
    for part, values in {"skin": (255,), "l_brow": (255, 0, 0, 0), "r_brow": (0, 0, 0, 255)}.items():
        datasets.label_map(tmp_path / f"CelebAMask-HQ-mask-anno/0/00000_{part}.png", *values)
    return CelebAMaskHQ(tmp_path)


def test_both_brows_eyes_and_ears_are_the_pairs() -> None:
    names = [c.name for c in CelebAMaskHQ.classes]
    named = [(names[left], names[right]) for left, right in CelebAMaskHQ.sides]
    assert named == [("l_brow", "r_brow"), ("l_eye", "r_eye"), ("l_ear", "r_ear")]


def test_examples_have_the_left_brow_on_the_left_whether_mirrored_or_not(face: CelebAMaskHQ) -> None:
    crops = DegradedCrops([face], [1.0], (16, 24), 0, Mixture({"jpeg": 1.0}))
    mirrored = [draw_window((16, 24), (16, 24), default_rng(seed)).mirror for seed in range(9)]
    assert len(set(mirrored)) == 2
    found = [crops[index].labels_HW.numpy() for index in range(30)]
    assert any(LEFT in labels for labels in found)
    for labels_HW in found:
        columns = [np.where((labels_HW == brow).any(0))[0].mean() for brow in (LEFT, RIGHT) if brow in labels_HW]
        assert columns == sorted(columns)
        if LEFT in labels_HW and RIGHT not in labels_HW:
            assert columns[0] < 12


def test_a_set_without_sides_keeps_its_ids_in_a_mirror() -> None:
    labels_HW = np.arange(6, dtype=np.uint8)[None].repeat(2, axis=0)
    window = Window(0, 0, 2, 6, True, (2, 6))
    assert np.array_equal(window.labels(labels_HW), labels_HW[:, ::-1])
    assert window.labels(labels_HW, ((1, 4),))[0].tolist() == [5, 1, 3, 2, 4, 0]
