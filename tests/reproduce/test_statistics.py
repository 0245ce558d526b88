"""Verdicts from the seeds' paired differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from training.reproduce.scores import HOLDS, OPEN, REVERSED, compare, overall, spread


@pytest.mark.parametrize(
    ("better", "other", "verdict"),
    [
        ([23.0, 24.0, 25.0], [22.8, 23.9, 24.8], HOLDS),
        ([22.8, 23.9, 24.8], [23.0, 24.0, 25.0], REVERSED),
        ([23.0, 24.0, 25.0], [23.4, 23.5, 24.8], OPEN),
        ([23.0, 24.0], [23.0, 24.0], OPEN),
        ([25.0], [20.0], OPEN),
        ([23.5, 24.5, 25.5], [23.0, 24.0, 25.0], HOLDS),
        ([0.1, 0.1], [0.3, 0.3], REVERSED),
    ],
)
def test_a_claim_is_read_from_the_differences_of_each_seed(
    better: list[float], other: list[float], verdict: str
) -> None:
    """Between seeds the rows of the first case differ by much more than from one another; some are all equal."""
    found = compare(better, other)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(np.mean(np.subtract(better, other)))


def test_three_seeds_must_agree_by_students_t() -> None:
    """2.92 standard errors for three seeds: differences 1, 1 + d, 1 - d have the standard error d / sqrt(3)."""
    just = 3**0.5 / 2.92
    assert compare([1.0, 1 + 0.99 * just, 1 - 0.99 * just], [0.0] * 3).verdict == HOLDS
    assert compare([1.0, 1 + 1.01 * just, 1 - 1.01 * just], [0.0] * 3).verdict == OPEN
    with pytest.raises(ValueError, match="longer than argument 1"):
        compare([1.0], [1.0, 2.0])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=12))
def test_the_verdict_is_that_of_the_paired_t_test(pairs: list[tuple[int, int]]) -> None:
    one, two = (list(map(float, values)) for values in zip(*pairs, strict=True))
    if len(set(np.subtract(one, two))) == 1:
        return  # scipy's test divides by zero
    above, below = (ttest_rel(one, two, alternative=side).pvalue for side in ("greater", "less"))
    expected = HOLDS if above < 0.05 else REVERSED if below < 0.05 else OPEN
    assert compare(one, two).verdict == expected


def test_a_claim_over_several_rows_holds_over_each_and_is_reversed_by_any() -> None:
    assert overall([HOLDS, HOLDS]) == HOLDS
    assert overall([HOLDS, OPEN]) == OPEN
    assert overall([HOLDS, REVERSED, OPEN]) == REVERSED


def test_the_spread_is_the_sample_standard_deviation_and_one_seed_has_none() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([4.0]) == (4.0, None)
