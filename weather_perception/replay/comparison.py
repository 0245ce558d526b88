"""Compares a figure of the camera's frames with that of the answers, with an interval over drives."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.intervals import STRETCH_NS, Interval, groups_of, mean_interval
from weather_perception.replay.no_reference import MEASURES
from weather_perception.replay.verdict import Metrics

Run = tuple[Metrics, Metrics]
"""A camera of metrics.json, and one of its runs."""

SCORES = (
    ("psnr", "PSNR", "dB", "psnr_input", "psnr_restored", 1),
    ("ssim", "SSIM", "", "ssim_input", "ssim_restored", 3),
    ("miou", "mIoU of single frames", "", "miou_base", "miou_refined", 3),
)


@dataclass(frozen=True)
class Comparison:
    """A figure before and after, as means over the frames that have both, and the interval of its change.

    `before` is None for a figure that the answers alone have; `change` is then of no meaning and 0.
    """

    key: str
    title: str
    unit: str
    before: float | None
    after: float
    change: float
    interval: Interval | None
    grouped_by: str
    better: str
    """`better`, `worse`, or empty if the interval does not say, or if the figure knows no better."""
    frames: int
    digits: int


def scores_of(runs: Sequence[Run]) -> Iterator[Comparison]:
    """The scores against ground truth. Frames identical to the truth before or after have no part in PSNR."""
    for key, title, unit, before, after, digits in SCORES:
        found = _compare(runs, key, title, unit, "good", digits, lambda run, a=before, b=after: (run[a], run[b]))
        if found is not None:
            yield found


def measures_of(runs: Sequence[Run]) -> Iterator[Comparison]:
    """The measures that need no ground truth, those that the runs have."""
    for measure in MEASURES:

        def columns(
            run: Metrics, key: str = measure.key, scale: float = measure.scale
        ) -> tuple[list[Any] | None, list[Any]]:
            sides = run["measures"].get(key, {})
            before, after = sides.get("input"), sides.get("restored", [])
            return (None if before is None else _scaled(before, scale)), _scaled(after, scale)

        found = _compare(runs, measure.key, measure.title, measure.unit, measure.more_is, measure.digits, columns)
        if found is not None:
            yield found


def _scaled(values: Sequence[float | None], scale: float) -> list[float | None]:
    return [None if value is None else scale * value for value in values]


def _compare(
    runs: Sequence[Run], key: str, title: str, unit: str, more_is: str, digits: int, columns: Any
) -> Comparison | None:
    drives = len({camera["recording"] for camera, _ in runs})
    before: list[float] = []
    after: list[float] = []
    groups: dict[Hashable, list[float]] = {}
    for camera, run in runs:
        first, second = columns(run["frames"])
        alone = first is None
        rows = zip(camera["frames"]["time_s"], second if first is None else first, second, strict=False)
        for time_s, one, other in rows:
            if one is None or other is None or (key == "psnr" and max(one, other) >= PSNR_CEILING_DB):
                continue
            before.append(one)
            after.append(other)
            group = groups_of(camera["recording"], round(time_s * 1e9), drives)
            groups.setdefault(group, []).append(0.0 if alone else other - one)
    if not after:
        return None
    interval = None if alone else mean_interval(groups)
    by = "drives" if drives > 1 else f"stretches of {STRETCH_NS // 1_000_000_000} s"
    means = float(np.mean(before)), float(np.mean(after))
    change = 0.0 if alone else means[1] - means[0]
    better = better_or_worse(change, interval, more_is)
    return Comparison(
        key, title, unit, None if alone else means[0], means[1], change, interval, by, better, len(after), digits
    )


def better_or_worse(change: float, interval: Interval | None, more_is: str) -> str:
    """`better` or `worse` if the interval says so; `more_is` is good, bad or neither."""
    if more_is == "neither" or interval is None or not interval.without_zero:
        return ""
    return "better" if (change > 0) == (more_is == "good") else "worse"
