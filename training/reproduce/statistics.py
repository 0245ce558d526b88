"""Whether one training is better than another, from their scores with the same seeds."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from scipy import stats

HOLDS, OPEN, REVERSED = "holds at this scale", "not distinguishable", "reversed"

CONFIDENCE = 0.95
"""Of the one-sided paired t-test."""


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds; one seed has no deviation."""

    mean: float
    deviation: float | None


class Comparison(NamedTuple):
    """The mean of the paired differences, its standard error (none for one seed), and HOLDS, OPEN or REVERSED."""

    difference: float
    error: float | None
    verdict: str


RULE = (
    "The rule: for each seed, take the difference of the two rows' means over the degraded weathers. A row is better "
    "than another if the mean of these differences is more than t standard errors above zero, where t is Student's for "
    "one side at 95 % (2.92 for three seeds), and worse if it is as far below zero; between the two, they are not "
    "distinguishable. Of a hundred comparisons of equal rows, luck makes five better and five worse."
)
"""The rule of `compare`, as a page tells it."""


def spread(values: Sequence[float]) -> Spread:
    """The values' mean and spread."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def compare(better: Sequence[float], other: Sequence[float]) -> Comparison:
    """Whether the first is better by a one-sided paired t-test; the seeds are the same, and higher is better.

    HOLDS if the mean difference is more than t standard errors above zero, REVERSED if it is as far below, else OPEN;
    one seed is always OPEN. Raises ValueError for different numbers of seeds.

    scipy.stats.ttest_rel gives the same verdicts, but warns about differences that are all equal, whose error is zero.
    """
    differences = [one - two for one, two in zip(better, other, strict=True)]
    mean = fmean(differences)
    if len(differences) == 1:
        return Comparison(mean, None, OPEN)
    error = float(stats.sem(differences))
    bound = float(stats.t.ppf(CONFIDENCE, len(differences) - 1)) * error
    return Comparison(mean, error, HOLDS if mean > bound else REVERSED if mean < -bound else OPEN)


def overall(verdicts: Sequence[str]) -> str:
    """The verdict on a claim over several rows: it holds over all of them, is reversed against any, or is open."""
    if REVERSED in verdicts:
        return REVERSED
    return HOLDS if all(verdict == HOLDS for verdict in verdicts) else OPEN
