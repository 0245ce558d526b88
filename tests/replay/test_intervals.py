"""Confidence intervals cover the truth about as often as they promise, and are not given where they can't be."""

import numpy as np
import pytest

from weather_perception.replay.intervals import FEWEST, bootstrap, groups_of, mean_interval


def test_an_interval_of_drives_holds_the_true_mean_about_as_often_as_it_promises() -> None:
    """Frames of a drive share its own offset: intervals over single frames would hold it far more rarely."""
    random = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        drives = {drive: 3 + random.normal(0, 1) + random.normal(0, 0.1, 20) for drive in range(20)}
        found = mean_interval(drives)
        assert found is not None
        assert found.groups == 20
        held += found.low <= 3 <= found.high
    assert held >= 51


def test_it_is_the_same_each_time_and_says_whether_zero_is_outside() -> None:
    values = {drive: [1.0 + drive / 10, 1.2] for drive in range(6)}
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values).without_zero
    assert not mean_interval({drive: [(-1.0) ** drive] for drive in range(6)}).without_zero


def test_few_groups_give_no_interval() -> None:
    assert mean_interval({drive: [1.0] for drive in range(FEWEST - 1)}) is None
    assert mean_interval({}) is None
    assert bootstrap([np.zeros(2)] * 5, lambda sums_RS: np.full(len(sums_RS), np.nan)) is None


@pytest.mark.parametrize(("drives", "same"), [(1, False), (2, True)])
def test_a_single_drive_is_grouped_by_stretches_of_time(drives: int, same: bool) -> None:
    assert (groups_of("a", 0, drives) == groups_of("a", 60_000_000_000, drives)) == same
    assert groups_of("a", 0, drives) != groups_of("b", 0, drives)
