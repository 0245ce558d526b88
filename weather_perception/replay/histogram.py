"""The distribution of latency as bars, with the times that it is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weather_perception.replay.timeline import Tick, nice_step

BARS = 40


@dataclass(frozen=True)
class Bar:
    """A bar: left edge, width and height, all in per cent."""

    left: float
    width: float
    height: float


@dataclass(frozen=True)
class Histogram:
    """Bars over an axis of milliseconds, marks on it, and the values beyond its end."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    beyond: int
    end_ms: float


def histogram(values_ms: Sequence[float], marks_ms: Mapping[str, float | None]) -> Histogram | None:
    """The distribution of at least one value; the axis holds 99 % of them, and the marks that are not far beyond."""
    if not len(values_ms):
        return None
    values = np.asarray(values_ms, np.float64)
    end = float(np.percentile(values, 99))
    near = [mark for mark in marks_ms.values() if mark is not None and mark < 4 * end]
    end = 1.08 * max(end, *near, 1e-3)
    counts, edges = np.histogram(values[values <= end], BARS, (0, end))
    highest = max(1, int(counts.max()))
    bars = tuple(
        Bar(round(100 * left / end, 2), 100 / BARS, round(100 * int(count) / highest, 1))
        for left, count in zip(edges[:-1], counts, strict=True)
        if count
    )
    step = nice_step(end / 4)
    ticks = tuple(Tick(round(100 * at / end, 2), f"{at:g}") for at in np.arange(0, end * 0.97, step).round(6))
    marks = tuple(Tick(round(100 * at / end, 2), name) for name, at in marks_ms.items() if at is not None and at <= end)
    return Histogram(bars, ticks, marks, int((values > end).sum()), end)
