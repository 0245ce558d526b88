"""Scores of masks and images against hand-computed cases."""

import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from training.judging.metrics import MaskScores, scores

VOID = 255


def test_scores_of_a_confusion_matrix_by_hand() -> None:
    # truth: 4 pixels of class 0 (3 right), 2 of class 1 (both right), none of class 2 (once predicted)
    found = scores(torch.tensor([[3, 0, 1], [0, 2, 0], [0, 0, 0]]))
    assert found["pa"] == pytest.approx(5 / 6)
    assert found["mpa"] == pytest.approx((3 / 4 + 1) / 2)
    assert found["miou"] == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert found["fwiou"] == pytest.approx(4 / 6 * 3 / 4 + 2 / 6 * 1)


def test_a_class_that_occurs_nowhere_is_left_out() -> None:
    assert scores(torch.tensor([[5, 0], [0, 0]])) == {"pa": 1, "mpa": 1, "miou": 1, "fwiou": 1}


def test_the_sets_miou_equals_torchmetrics_without_void_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 5, (3, 16, 16), generator=generator)
    truth[:, :4] = VOID
    labels = torch.randint(0, 5, (3, 16, 16), generator=generator)
    found = MaskScores(5, VOID)
    found.add(labels, truth)
    expected = multiclass_jaccard_index(labels, truth, 5, ignore_index=VOID)
    assert found.set_scores()["miou"] == pytest.approx(expected.item(), abs=1e-6)


def test_averages_per_image_give_every_image_the_same_weight() -> None:
    found = MaskScores(2, VOID)
    right, half = torch.zeros(1, 2, 2), torch.tensor([[[0, 0], [1, 1]]])
    found.add(right, torch.zeros(1, 2, 2))
    found.add(half, torch.tensor([[[0, 0], [VOID, 0]]]))
    found.add(right, torch.full((1, 2, 2), VOID))
    assert found.image_scores()["pa"] == pytest.approx((1 + 2 / 3) / 2)
    assert found.set_scores()["pa"] == pytest.approx(6 / 7)
