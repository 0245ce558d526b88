"""The conditions of the benchmark: weathers at three severities, mixtures of two, near misses, and clear frames."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import default_rng

from benchmarks.quality import near_misses
from training.data.degradations import degrade
from training.data.degradations.veils import Veil, blend, grey, haze
from training.data.sample import Sample
from weather_perception.core.contract import Image

WEATHERS = {
    "fog": ("dark channel prior",),
    "rain": ("median",),
    "snow": ("median",),
    "night": ("blind gain",),
    "raindrops": ("median",),
}
"""The degradations in the table, each with its classical baselines in the order in which they apply."""

SEVERITIES = (0.3, 0.6, 0.9)
MIDDLE = SEVERITIES[1]

MIXTURES = (("fog", "rain"), ("fog", "snow"), ("fog", "night"), ("rain", "night"), ("rain", "raindrops"))
"""Two of WEATHERS, both at the middle severity, the second over the first."""

FOG_BETAS = (0.005, 0.01, 0.02)
"""Extinction in 1/m of fog by measured depth: visibility 600, 300 and 150 m."""

AIRLIGHT = (140.0, 220.0)
"""Its grey, from that of a dull day to that of a bright one."""

CLEAR = "clear"
Degrade = Callable[[Sample, int], Image]


@dataclass(frozen=True)
class Condition:
    """A row of the table.

    Rows of one `group` have the same seeds, and so differ in strength alone; `apply` degrades a sample under a seed;
    `weathers` are the names that a router may answer; `baselines` name the classical methods; `alone` says that the
    frame is good and must stay so, `shown` that the row is in the picture sheet.
    """

    name: str
    group: str
    apply: Degrade
    weathers: frozenset[str]
    baselines: tuple[str, ...] = ()
    alone: bool = False
    shown: bool = True

    @property
    def mixed(self) -> bool:
        """Whether more than one answer of the router is right."""
        return len(self.weathers) > 1

    def seed(self, index: int) -> int:
        """Seed of frame number `index`: the same in every run, another in every group."""
        return zlib.crc32(f"{self.group}/{index}".encode())


def conditions(measured_depth: bool = False) -> list[Condition]:
    """All rows, the clear one first; fog of FOG_BETAS for frames with `measured_depth`."""
    rows = [Condition(CLEAR, CLEAR, lambda sample, seed: sample.image_HW3, frozenset([CLEAR]), alone=True)]
    for name, baselines in WEATHERS.items():
        for severity in SEVERITIES:
            apply, shown = partial(_degraded, names=(name,), severity=severity), severity == MIDDLE
            rows.append(Condition(f"{name} {severity}", name, apply, frozenset([name]), baselines, shown=shown))
    if measured_depth:
        rows += [_measured_fog(beta) for beta in FOG_BETAS]
    for names in MIXTURES:
        apply = partial(_degraded, names=names, severity=MIDDLE)
        # The last weather is undone first.
        steps = tuple(dict.fromkeys(step for name in reversed(names) for step in WEATHERS[name]))
        rows.append(Condition(" + ".join(names), " + ".join(names), apply, frozenset(names), steps))
    for name, change in near_misses.NEAR_MISSES.items():
        rows.append(Condition(name, name, partial(_changed, change=change), frozenset([CLEAR]), alone=True))
    return rows


def _measured_fog(beta: float) -> Condition:
    group = "fog by measured depth"
    return Condition(
        f"{group}, beta {beta:g}", group, partial(_uniform_fog, beta=beta), frozenset(["fog"]), WEATHERS["fog"]
    )


def _uniform_fog(sample: Sample, seed: int, beta: float) -> Image:
    """Koschmieder's law as it is: one density, and an airlight that the seed gives."""
    share_HW = haze(sample.depth_HW, np.float32(beta))
    return blend(sample.image_HW3, [Veil(share_HW, grey(default_rng(seed), *AIRLIGHT))])


def _degraded(sample: Sample, seed: int, names: tuple[str, ...], severity: float) -> Image:
    for number, name in enumerate(names):
        sample = sample._replace(image_HW3=degrade(sample, name, severity, seed + number))
    return sample.image_HW3


def _changed(sample: Sample, seed: int, change: near_misses.Change) -> Image:
    return change(sample.image_HW3, seed)
