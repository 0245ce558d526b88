"""Calibration: the error measures over- and underconfidence, and the fitted temperature corrects them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from training.judging.metrics import BOUNDS, expected_calibration_error, fit_temperature


def drawn(count: int, sharpness: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits with true probabilities softmax(logits / sharpness), and labels drawn from these."""
    chance = torch.Generator().manual_seed(seed)
    true_NK = 2 * torch.randn(count, 4, generator=chance)
    labels_N = torch.multinomial(true_NK.softmax(dim=1), 1, generator=chance)[:, 0]
    return sharpness * true_NK, labels_N


def test_the_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Of four answers with 90 % two are right, and of four with 60 % three."""
    sure = torch.tensor([0.9] * 4 + [0.6] * 4)
    labels = torch.tensor([0, 0, 1, 1, 0, 0, 0, 1])
    found = expected_calibration_error(torch.stack([sure, 1 - sure], dim=1), labels)
    assert found == pytest.approx(0.5 * 0.4 + 0.5 * 0.15, abs=1e-5)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_the_fitted_temperature_corrects_over_and_underconfidence(sharpness: float) -> None:
    logits, labels = drawn(4000, sharpness)
    temperature = fit_temperature(logits, F.one_hot(labels, 4))
    assert temperature == pytest.approx(sharpness, rel=0.1)
    unseen, truth = drawn(4000, sharpness, seed=1)
    before = expected_calibration_error(unseen.softmax(dim=1), truth)
    after = expected_calibration_error((unseen / temperature).softmax(dim=1), truth)
    assert after < 0.03
    assert after < before / 2 or sharpness == 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_no_other_temperature_has_less_cross_entropy(seed: int, sharpness: float) -> None:
    logits, labels = drawn(60, sharpness, seed)
    best = fit_temperature(logits, F.one_hot(labels, 4))
    assert BOUNDS[0] <= best <= BOUNDS[1]
    for other in (best * 0.9, best * 1.1):
        if BOUNDS[0] <= other <= BOUNDS[1]:
            assert F.cross_entropy(logits / best, labels) <= F.cross_entropy(logits / other, labels) + 1e-6


def test_targets_may_be_shared_by_two_classes() -> None:
    """A mixture of two weathers: no temperature can be surer of one than of the other, and none need be colder."""
    logits, shared = torch.tensor([[2.0, 2.0, -2.0]]), torch.tensor([[0.5, 0.5, 0.0]])
    assert fit_temperature(logits, shared) == pytest.approx(BOUNDS[0])
    half_right = torch.tensor([[0.5, 0.25, 0.25]])
    expected = 2 / math.log(2)  # softmax(z, 0, 0) is (0.5, 0.25, 0.25) at z = log 2
    assert fit_temperature(torch.tensor([[2.0, 0.0, 0.0]]), half_right) == pytest.approx(expected, rel=1e-3)


def test_fitting_takes_the_coldest_temperature_without_errors_and_refuses_no_samples() -> None:
    assert fit_temperature(torch.eye(3), torch.eye(3)) == pytest.approx(BOUNDS[0])
    with pytest.raises(ValueError, match="no samples"):
        fit_temperature(torch.zeros(0, 3), torch.zeros(0, 3))
