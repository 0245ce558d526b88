"""Verdicts from the seeds' paired differences, on samples whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from training.reproduce.scores import spread
from training.reproduce.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    compare,
    compare_seeds,
    compare_two,
    holm,
    overall,
    p_values,
    verdicts,
)

MARGIN = 0.05
TRIALS = 4000


@pytest.mark.parametrize(
    ("better", "other", "verdict"),
    [
        ([23.0, 24.0, 25.0], [22.8, 23.9, 24.8], HOLDS),
        ([22.8, 23.9, 24.8], [23.0, 24.0, 25.0], FAILS),
        ([23.0, 24.0, 25.0], [23.4, 23.5, 24.8], UNDECIDED),
        ([23.0, 24.0], [23.0, 24.0], FAILS),
        ([23.02, 24.03, 25.02], [23.0, 24.0, 25.0], FAILS),
        ([25.0], [20.0], UNDECIDED),
        ([23.5, 24.5, 25.5], [23.0, 24.0, 25.0], HOLDS),
        ([0.1, 0.1], [0.3, 0.3], FAILS),
    ],
)
def test_a_claim_is_read_from_the_differences_of_each_seed(
    better: list[float], other: list[float], verdict: str
) -> None:
    """Between seeds the rows of the first case differ by much more than from one another; some are all equal.

    The fifth row is better by 0.02 dB for certain, which is within the margin: no difference in practice.
    """
    found = compare_two(better, other, MARGIN)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(np.mean(np.subtract(better, other)))
    assert (found.interval is None) == (len(better) == 1)


def test_the_interval_has_90_percent_by_students_t() -> None:
    """2.92 standard errors for three seeds: differences 1, 1 + d, 1 - d have the standard error d / sqrt(3)."""
    just = 3**0.5 / 2.92
    low, high = compare_two([1.0, 1 + just, 1 - just], [0.0] * 3, MARGIN).interval or (0, 0)
    assert (low, high) == pytest.approx((0, 2), abs=1e-3)
    assert compare_two([1.0, 1 + 0.99 * just, 1 - 0.99 * just], [0.0] * 3, MARGIN).verdict == HOLDS
    assert compare_two([1.0, 1 + 1.01 * just, 1 - 1.01 * just], [0.0] * 3, MARGIN).verdict == UNDECIDED
    with pytest.raises(ValueError, match="longer than argument 1"):
        compare_two([1.0], [1.0, 2.0], MARGIN)


@settings(max_examples=20)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=9, unique_by=lambda value: round(value, 2)))
def test_the_p_values_are_those_of_students_tests_against_zero_and_against_the_margin(values: list[float]) -> None:
    found = p_values(np.array([values]), MARGIN)
    assert found.better_xR[0] == pytest.approx(ttest_1samp(values, 0, alternative="greater").pvalue)
    assert found.short_xR[0] == pytest.approx(ttest_1samp(values, MARGIN, alternative="less").pvalue)


def test_holms_correction_steps_down_and_never_falls() -> None:
    found = holm(np.array([[0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.02, 0.4]]))
    np.testing.assert_allclose(found, [[0.03, 0.06, 0.06, 0.02], [1.0, 1.0, 0.08, 1.0]])


def test_one_row_among_many_needs_stronger_evidence_than_alone() -> None:
    ours = [20.0, 20.2, 20.4, 20.6]
    close = [19.9, 20.0, 20.3, 20.3]
    assert compare_two(ours, close, MARGIN).verdict == HOLDS
    noisy = {f"row {n}": [20.5, 20.0, 20.9, 20.1] for n in range(5)}
    assert compare(ours, {"close": close, **noisy}, MARGIN)["close"].verdict == UNDECIDED


def test_rows_of_different_numbers_of_seeds_are_paired_by_seed() -> None:
    ours = {"0": 20.0, "1": 21.0, "2": 22.0, "3": 29.0}
    others = {"three": {"2": 21.7, "0": 19.8, "1": 20.8}, "one": {"1": 20.0}, "all": dict.fromkeys(ours, 20.0)}
    found = compare_seeds(ours, others, MARGIN)
    assert found["three"].difference == pytest.approx(0.7 / 3) and found["three"].interval is not None
    assert found["one"] == (1.0, None, UNDECIDED)
    values = list(ours.values())
    both = {"a": [19.0, 19.0, 21.0, 27.0], "b": [20.0, 20.5, 22.5, 28.0]}
    by_seed = {name: dict(zip(ours, row, strict=True)) for name, row in both.items()}
    assert compare_seeds(ours, by_seed, MARGIN) == compare(values, both, MARGIN)


def test_a_claim_over_several_rows_holds_over_each_and_fails_over_any() -> None:
    assert overall([HOLDS, HOLDS]) == HOLDS
    assert overall([HOLDS, UNDECIDED]) == UNDECIDED
    assert overall([HOLDS, FAILS, UNDECIDED]) == FAILS


def simulated(true_R: list[float], noise: float, seeds: int) -> dict[str, float]:
    """How often a claim over rows comes out each way, if its row is better than them by `true_R` dB.

    Every training has its own `noise`, so that the differences of a seed share the first row's.
    """
    chance = np.random.default_rng(0)
    ours = chance.normal(0, noise, (TRIALS, 1, seeds))
    difference_TRS = np.array(true_R)[:, None] + ours - chance.normal(0, noise, (TRIALS, len(true_R), seeds))
    found_TR = verdicts(difference_TRS, MARGIN)
    fails, holds = (found_TR == FAILS).any(axis=1), (found_TR == HOLDS).all(axis=1)
    return {FAILS: fails.mean(), HOLDS: holds.mean(), UNDECIDED: 1 - fails.mean() - holds.mean()}


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize(("noise", "seeds"), [(0.02, 3), (0.1, 5), (0.5, 3)])
def test_luck_rarely_makes_a_false_verdict(rows: int, noise: float, seeds: int) -> None:
    """5 % at most, with three standard errors of these trials; equal rows may well be found equal, which is right."""
    bound = 0.05 + 3 * (0.05 * 0.95 / TRIALS) ** 0.5
    assert simulated([0.0] * rows, noise, seeds)[HOLDS] < bound
    assert simulated([MARGIN] * rows, noise, seeds)[FAILS] < bound
    assert simulated([1.0] * (rows - 1) + [0.0], noise, seeds)[HOLDS] < bound


def test_with_enough_seeds_equal_rows_are_found_equal_and_better_ones_better() -> None:
    assert simulated([0.0] * 4, 0.03, 12)[FAILS] > 0.9
    assert simulated([0.2] * 4, 0.1, 12)[HOLDS] > 0.9
    assert simulated([0.0] * 4, 0.5, 3)[UNDECIDED] > 0.85


def test_the_spread_is_the_sample_standard_deviation_and_one_seed_has_none() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([4.0]) == (4.0, None)
