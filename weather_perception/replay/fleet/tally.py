"""Adds up recordings frame by frame into figures of a group: counts, latency and comparisons, in little memory."""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.comparison import SCORES, Comparison, better_or_worse
from weather_perception.replay.intervals import Interval, bootstrap
from weather_perception.replay.no_reference import MEASURES
from weather_perception.replay.section import column

BIN = 1.02
"""A bin of the latencies ends so many times above its beginning: percentiles are right within 1 %."""
MOST_GROUPS = 1000
"""Above so many recordings the bootstrap draws bundles of them, or its memory would grow with the fleet."""
PERCENTILES = (50, 95, 99)

Floats = NDArray[np.float64]
Values = Sequence[float | None]
Columns = Callable[[Mapping[str, Any]], tuple[Values | None, Values]]


@dataclass(frozen=True)
class Figure:
    """A figure of single frames; `columns` takes the `frames` of a run to its values before and after."""

    key: str
    title: str
    unit: str
    more_is: str
    digits: int
    columns: Columns
    scale: float = 1.0
    ceiling: float = math.inf
    """A frame that reaches this before or after, being identical to the truth, has no part in the mean."""


def _score(before: str, after: str) -> Columns:
    return lambda frames: (frames[before], frames[after])


def _measure(key: str) -> Columns:
    def columns(frames: Mapping[str, Any]) -> tuple[Values | None, Values]:
        sides = frames["measures"].get(key, {})
        return sides.get("input"), sides.get("restored", ())

    return columns


def _ceiling(key: str) -> float:
    return PSNR_CEILING_DB if key == "psnr" else math.inf


FIGURES = (
    *(
        Figure(key, title, unit, "good", digits, _score(before, after), ceiling=_ceiling(key))
        for key, title, unit, before, after, digits in SCORES
    ),
    *(
        Figure(item.key, item.title, item.unit, item.more_is, item.digits, _measure(item.key), item.scale)
        for item in MEASURES
    ),
)
"""The scores against ground truth, and the measures without: those of replay's report, by the same rules."""


@dataclass
class Part:
    """What one recording gives to one group: counts, latencies by bin, and sums (before, after, frames) by figure."""

    sent: int = 0
    answered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    bins: Counter[int] = field(default_factory=Counter)
    sums: dict[str, Floats] = field(default_factory=dict)

    def add(self, frames: Mapping[str, Any], of_group: NDArray[np.bool_] | None = None) -> None:
        """Add the frames of a run: all of them, or those of the group, bool [T]. The counts are the caller's."""
        latency = column(frames["latency_ms"])
        known = np.isfinite(latency) if of_group is None else np.isfinite(latency) & of_group
        self.bins.update(bin_of(latency[known]).tolist())
        for figure in FIGURES:
            sums = _sums(figure, frames, of_group)
            if sums[2]:
                self.sums[figure.key] = self.sums.get(figure.key, np.zeros(3)) + sums


@dataclass
class Tally:
    """A group of recordings: their counts and latencies together, and for each figure one row of sums a recording."""

    recordings: int = 0
    sent: int = 0
    answered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    bins: Counter[int] = field(default_factory=Counter)
    rows: "dict[str, array[float]]" = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Add what a recording gives."""
        self.recordings += 1
        self.sent += part.sent
        self.answered += part.answered
        self.dropped.update(part.dropped)
        self.bins.update(part.bins)
        for key, sums in part.sums.items():
            self.rows.setdefault(key, array("d")).extend(sums)

    def comparisons(self) -> list[Comparison]:
        """Every figure that a recording of the group has, as a mean over frames, with an interval over recordings."""
        return [_comparison(figure, self.rows[figure.key]) for figure in FIGURES if figure.key in self.rows]

    def as_dict(self) -> dict[str, Any]:
        """The group as fleet.json has it."""
        return {
            "recordings": self.recordings,
            "sent": self.sent,
            "answered": self.answered,
            "dropped": dict(self.dropped),
            "latency_ms": {f"p{percent}": percentile(self.bins, percent) for percent in PERCENTILES},
            "figures": {item.key: _figure(item) for item in self.comparisons()},
        }


def bin_of(values_ms: Floats) -> NDArray[np.int64]:
    """The bins of latencies."""
    return np.floor(np.log(np.maximum(values_ms, 1e-6)) / math.log(BIN)).astype(np.int64)


def percentile(bins: Mapping[int, int], percent: float) -> float | None:
    """A percentile of latencies by bin: the middle of its bin; None without any."""
    total, below = sum(bins.values()), 0
    for index in sorted(bins):
        below += bins[index]
        if below >= total * percent / 100:
            return float(f"{BIN ** (index + 0.5):.4g}")
    return None


def _sums(figure: Figure, frames: Mapping[str, Any], of_group: NDArray[np.bool_] | None) -> Floats:
    first, second = figure.columns(frames)
    if not second:
        return np.zeros(3)
    after = figure.scale * column(second)
    before = figure.scale * column(first) if first is not None else np.full(len(after), np.nan)
    known = np.isfinite(after) & (np.isfinite(before) if first is not None else True)
    known &= ~(np.fmax(before, after) >= figure.ceiling)
    if of_group is not None:
        known &= of_group
    return np.array([before[known].sum() if first is not None else np.nan, after[known].sum(), known.sum()])


def _comparison(figure: Figure, rows: "array[float]") -> Comparison:
    sums_G3 = np.frombuffer(rows).reshape(-1, 3)
    before, after, frames = sums_G3.sum(axis=0)
    alone = bool(np.isnan(before))
    change = 0.0 if alone else float((after - before) / frames)
    interval = None if alone else _interval(sums_G3)
    better = better_or_worse(change, interval, figure.more_is)
    means = None if alone else float(before / frames), float(after / frames)
    return Comparison(
        figure.key,
        figure.title,
        figure.unit,
        *means,
        change,
        interval,
        "recordings",
        better,
        int(frames),
        figure.digits,
    )


def _interval(sums_G3: Floats) -> Interval | None:
    changes_G2 = np.stack([sums_G3[:, 1] - sums_G3[:, 0], sums_G3[:, 2]], axis=1)
    bundles = min(len(changes_G2), MOST_GROUPS)
    drawn = [changes_G2[start::bundles].sum(axis=0) for start in range(bundles)]
    found = bootstrap(drawn, lambda totals_RS: totals_RS[:, 0] / totals_RS[:, 1])
    return None if found is None else replace(found, groups=len(changes_G2))


def _figure(item: Comparison) -> dict[str, Any]:
    return {
        "before": item.before,
        "after": item.after,
        "change": None if item.before is None else item.change,
        "interval": None if item.interval is None else [item.interval.low, item.interval.high],
        "frames": item.frames,
    }
