"""Whether one training is better than another, from their scores with the same seeds."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

HOLDS, OPEN, REVERSED = "holds at this scale", "not distinguishable", "reversed"

T_95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833)
"""Student's t for one side at 95 %, by degrees of freedom from 1."""


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds; one seed has no deviation."""

    mean: float
    deviation: float | None


class Comparison(NamedTuple):
    """The mean of the paired differences, its standard error (none for one seed), and HOLDS, OPEN or REVERSED."""

    difference: float
    error: float | None
    verdict: str


def spread(values: Sequence[float]) -> Spread:
    """The values' mean and spread."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def compare(better: Sequence[float], other: Sequence[float]) -> Comparison:
    """Whether the first is better, the values being of the same seeds in the same order; higher is better.

    HOLDS where the mean difference is above t standard errors, REVERSED where it is as far below zero, t being
    Student's for one side at 95 %; else OPEN, as always for one seed. Raises ValueError for different numbers of seeds.
    """
    mean, deviation = spread([one - two for one, two in zip(better, other, strict=True)])
    if deviation is None:
        return Comparison(mean, None, OPEN)
    error = deviation / len(better) ** 0.5
    bound = T_95[min(len(better) - 1, len(T_95)) - 1] * error
    verdict = HOLDS if mean > bound else REVERSED if mean < -bound else OPEN
    return Comparison(mean, error, verdict)


def overall(verdicts: Sequence[str]) -> str:
    """Of a claim over several others: it holds over all of them, is reversed against any, or neither."""
    if REVERSED in verdicts:
        return REVERSED
    return HOLDS if all(verdict == HOLDS for verdict in verdicts) else OPEN
