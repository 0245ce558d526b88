"""Confidence intervals of a figure over drives, by the bootstrap."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]

REPEATS = 2000
COVERAGE = 0.95
FEWEST = 4
"""Groups below which no interval is given: the spread of three says nothing about the next."""
STRETCH_NS = 5_000_000_000
"""Frames of a single drive are grouped by such stretches of time."""


@dataclass(frozen=True)
class Interval:
    """A figure's interval of COVERAGE, and the number of groups that it comes from."""

    low: float
    high: float
    groups: int

    @property
    def without_zero(self) -> bool:
        """Whether the interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def bootstrap(groups: Sequence[Sums], figure: Callable[[Sums], Sums], seed: int = 0) -> Interval | None:
    """The percentile bootstrap interval (Efron 1979) of a figure that depends on the groups' sums alone.

    `figure` takes sums [R, S] to figures [R], NaN where there is none.
    Neighbouring frames look alike, so whole groups are drawn, with replacement, never single frames. None for fewer
    than FEWEST groups.
    """
    if len(groups) < FEWEST:
        return None
    sums_GS = np.stack(groups)
    chance = np.full(len(groups), 1 / len(groups))
    counts_RG = np.random.default_rng(seed).multinomial(len(groups), chance, REPEATS)
    drawn = figure(counts_RG @ sums_GS)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return None
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(float(low), float(high), len(groups))


def mean_interval(values: Mapping[Hashable, Sequence[float]]) -> Interval | None:
    """The interval of the mean over all values, given by group."""
    sums = [np.array([np.sum(group), len(group)], np.float64) for group in values.values() if len(group)]
    return bootstrap(sums, lambda totals_RS: totals_RS[:, 0] / totals_RS[:, 1])


def groups_of(drive: str, stamp_ns: int, drives: int) -> tuple[str, int]:
    """The group of a frame: its drive, or, if there is one drive only, its stretch of STRETCH_NS."""
    return (drive, 0) if drives > 1 else (drive, stamp_ns // STRETCH_NS)
