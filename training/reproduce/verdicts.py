"""Verdicts on claims that one row of a table is better than others, from the seeds' paired differences.

A difference within the margin is none in practice, whatever its sign. So the verdict is not about zero alone: a claim
fails if the row is worse, and also if it is as good within the margin. Shape legend: R rows that a claim compares with,
S seeds.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "not decided"

LEVEL = 0.05
"""Of each one-sided test; so the intervals, which have two sides, are at 90 %."""

MARGIN_DB = 0.05
"""Differences in PSNR up to this count as none."""

MARGIN_SSIM = 0.001
"""Differences in SSIM up to this count as none."""

MARGIN_MIOU = 0.002
"""Differences in mIoU up to this count as none."""

MARGIN_SHARE = 0.01
"""Differences of shares and calibration errors, 0..1, up to this count as none."""

RULE = (
    f"The rule: for each seed, take the difference of the two rows' means over the degraded weathers. Brackets give "
    f"its 90 % interval by Student's t. A claim holds if the difference is above zero and fails if it is below "
    f"+{MARGIN_DB:g} dB ({MARGIN_SSIM:g} in SSIM), because smaller differences count as none; each by a one-sided test "
    "at 5 %, corrected by Holm's method for the number of rows in the claim. If both are so, the rows are equal in "
    "practice, and it fails. Otherwise it is not decided. A claim over several rows holds if it holds over each, and "
    "fails if it fails over one. In at most 5 % of cases, luck lets a claim of equal rows hold, or fails one of rows "
    "that differ by the margin."
)
"""The rule of `compare` and `overall`, as a page tells it."""


class Comparison(NamedTuple):
    """The mean paired difference, its 90 % interval (none for one seed), and the verdict."""

    difference: float
    interval: tuple[float, float] | None
    verdict: str

    def in_words(self, form: str = "+.3f") -> str:
        """The difference with its interval, as in `+0.123 [+0.045, +0.201]`."""
        if self.interval is None:
            return f"{self.difference:{form}}"
        low, high = self.interval
        return f"{self.difference:{form}} [{low:{form}}, {high:{form}}]"


ONE = np.ones(())


class PValues(NamedTuple):
    """One-sided p-values of each row, [..., R]: that the difference is above 0, and that it is below the margin."""

    better_xR: Numbers
    short_xR: Numbers


def compare(better: Sequence[float], others: Mapping[str, Sequence[float]], margin: float) -> dict[str, Comparison]:
    """The claim that the first row is better than each of the others, by name; the seeds are the same.

    Higher is better. One seed decides nothing. Raises ValueError for different numbers of seeds.
    """
    differences = {name: [a - b for a, b in zip(better, other, strict=True)] for name, other in others.items()}
    return compare_differences(differences, margin)


def compare_seeds(
    better: Mapping[str, float], others: Mapping[str, Mapping[str, float]], margin: float
) -> dict[str, Comparison]:
    """`compare` for rows with different numbers of seeds, by seed: each pair of rows by the seeds that both have."""
    differences = {
        name: [better[seed] - other[seed] for seed in better if seed in other] for name, other in others.items()
    }
    return compare_differences(differences, margin)


def compare_differences(differences: Mapping[str, Sequence[float]], margin: float) -> dict[str, Comparison]:
    """The claim of `compare` from the differences of each row's seeds, of which there may be different numbers.

    A row with one seed is undecided, and counts among the rows of the claim.
    """
    tests = [p_values(np.array(row), margin) if len(row) > 1 else PValues(ONE, ONE) for row in differences.values()]
    found = decide(PValues(*(np.array(values) for values in zip(*tests, strict=True)))) if tests else np.array([])
    return {
        name: Comparison(fmean(row), interval(row), str(verdict))
        for (name, row), verdict in zip(differences.items(), found, strict=True)
    }


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The 90 % interval of the mean difference by Student's t; None for one seed."""
    if len(differences) < 2:
        return None
    mean, error = moments(np.array(differences))
    reach = stats.t.ppf(1 - LEVEL, len(differences) - 1) * error
    return float(mean - reach), float(mean + reach)


def compare_two(better: Sequence[float], other: Sequence[float], margin: float) -> Comparison:
    """The claim that the first row is better than one other."""
    return compare(better, {"": other}, margin)[""]


def overall(found: Sequence[str]) -> str:
    """The verdict on a claim over several rows: it holds over all of them, fails over any, or is not decided."""
    if FAILS in found:
        return FAILS
    return HOLDS if all(verdict == HOLDS for verdict in found) else UNDECIDED


def by_verdict(found: Sequence[tuple[str, str]], words: Mapping[str, str]) -> str:
    """Names and their verdicts in words, as in `holds for fog, rain; not decided for snow`, in the order of `words`.

    Empty without any name.
    """
    groups = {verdict: [name for name, its in found if its == verdict] for verdict in words}
    return "; ".join(f"{words[verdict]} {', '.join(names)}" for verdict, names in groups.items() if names)


def verdicts(difference_xRS: Numbers, margin: float) -> NDArray[np.str_]:
    """The verdicts [..., R] on differences of two or more seeds; rows of one claim are corrected together."""
    return decide(p_values(difference_xRS, margin))


def decide(p: PValues) -> NDArray[np.str_]:
    """The verdicts [..., R]; the rows are corrected together."""
    better_xR, short_xR = (holm(p_xR) for p_xR in p)
    return np.where(short_xR <= LEVEL, FAILS, np.where(better_xR <= LEVEL, HOLDS, UNDECIDED))


def p_values(difference_xRS: Numbers, margin: float) -> PValues:
    """Student's tests of the mean differences, not yet corrected.

    Unlike scipy.stats.ttest_1samp, this decides on differences that are all equal, whose error is zero.
    """
    mean_xR, error_xR = moments(difference_xRS)
    least = np.finfo(np.float64).tiny
    freedom = difference_xRS.shape[-1] - 1
    return PValues(
        stats.t.sf(mean_xR / np.maximum(error_xR, least), freedom),
        stats.t.cdf((mean_xR - margin) / np.maximum(error_xR, least), freedom),
    )


def moments(difference_xRS: Numbers) -> tuple[Numbers, Numbers]:
    """The means over the seeds and their standard errors, both [..., R]."""
    return difference_xRS.mean(axis=-1), stats.sem(difference_xRS, axis=-1)


def holm(p_xR: Numbers) -> Numbers:
    """P-values corrected by Holm's step-down method for the R tests of the last axis."""
    order_xR = np.argsort(p_xR, axis=-1)
    steps_R = np.arange(p_xR.shape[-1], 0, -1)
    sorted_xR = np.maximum.accumulate(np.take_along_axis(p_xR, order_xR, axis=-1) * steps_R, axis=-1)
    corrected_xR = np.empty_like(p_xR)
    np.put_along_axis(corrected_xR, order_xR, sorted_xR.clip(max=1), axis=-1)
    return corrected_xR
