"""Which degradations a training example gets, and how strong: a named share of each kind."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.data.degradations import DEGRADATIONS, LEVELS, WEATHERS
from training.data.degradations.near_misses import NEAR_MISSES
from training.data.degradations.other_frames import OTHER_FRAMES

SEVERITIES = (0.15, 1.0)
"""Range of the severity of degradations without levels."""


class Draw(NamedTuple):
    """One degradation: its number in the mixture, its name, and its severity."""

    number: int
    name: str
    severity: float


class Mixture:
    """Degradations by name, each with its share (any positive number).

    Levels are uniform in 1..LEVELS[name], other severities in SEVERITIES. Raises ValueError without degradations, for
    an unknown name, or for a share that is not positive.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        unknown = sorted(set(shares) - set(DEGRADATIONS))
        if not shares or unknown or min(shares.values()) <= 0:
            raise ValueError(f"mixture: needs positive shares of some of {', '.join(DEGRADATIONS)}; got {dict(shares)}")
        self.names = tuple(shares)
        self._shares = _normalised(shares)

    def draw(self, rng: Generator) -> Draw:
        """One degradation at random."""
        index = int(rng.choice(len(self.names), p=self._shares))
        name = self.names[index]
        return Draw(index, name, _severity(rng, name, *SEVERITIES))


def _normalised(shares: Mapping[Any, float]) -> NDArray[np.float64]:
    share_N = np.array(list(shares.values()), np.float64)
    return share_N / share_N.sum()


def _severity(rng: Generator, name: str, lowest: float, highest: float) -> float:
    return float(rng.integers(1, LEVELS[name] + 1)) if name in LEVELS else rng.uniform(lowest, highest)


WEATHER_MIXTURE = Mixture(dict(zip(WEATHERS, (0.22, 0.26, 0.26, 0.26), strict=True)))
"""The deployable model's mixture; the drawn number is the number of the weather."""


CONDITIONS = ("clear", "fog", "rain", "snow", "night", "raindrops")
"""The conditions that a router tells apart, in the order of its posterior."""

CONDITION_OF = {
    "fog": "fog",
    "wide_fog": "fog",
    "foggy_cityscapes": "fog",
    "rain": "rain",
    "wide_rain": "rain",
    "rain_streaks": "rain",
    "snow": "snow",
    "wide_snow": "snow",
    "snow_flakes": "snow",
    "night": "night",
    "wide_night": "night",
    "raindrops": "raindrops",
    "lens_drops": "raindrops",
}
"""The condition that each weather of DEGRADATIONS is labelled."""

NEAR_MISS, OTHER_FRAME = "near_miss", "other_frame"
"""Kinds of clear example: any of NEAR_MISSES, any of OTHER_FRAMES."""

FROM_SEVERITY = 0.02
MIXED_TO_SEVERITY = 0.8
"""The lowest severity of a ConditionMixture, and the highest of each of two weathers at once."""

MOST_NEAR_MISSES = 3
"""Changes of one frame, at most."""


class Step(NamedTuple):
    """One change of a frame: a name of DEGRADATIONS, NEAR_MISSES or OTHER_FRAMES, and its severity."""

    name: str
    severity: float


class Plan(NamedTuple):
    """One example: the changes that make another clear frame, if any, then the weathers over it, first to last."""

    before: tuple[Step, ...]
    weathers: tuple[Step, ...]

    @property
    def novel(self) -> bool:
        """Whether the frame shows no street."""
        return any(step.name in OTHER_FRAMES for step in self.before)

    def severities(self) -> NDArray[np.float32]:
        """The largest severity (0..1) of each of CONDITIONS, float32 [6]; that of clear is 1 without any weather."""
        severity_K = np.zeros(len(CONDITIONS), np.float32)
        for name, severity in self.weathers:
            index = CONDITIONS.index(CONDITION_OF[name])
            severity_K[index] = max(severity_K[index], severity / LEVELS.get(name, 1))
        severity_K[0] = not self.weathers
        return severity_K


class ConditionMixture:
    """Kinds of example, each with its share (any positive numbers).

    A kind is the names of its weathers, first to last: () is a clear frame, (NEAR_MISS,) and (OTHER_FRAME,) are clear
    frames that look otherwise, ("wide_fog", "wide_rain") is both at once. A near miss gets one to MOST_NEAR_MISSES
    different changes. A share `near_misses` of the frames in weather gets them too, under the weather. Raises
    ValueError for no kind, an unknown name, or a share that is not positive.
    """

    def __init__(self, shares: Mapping[tuple[str, ...], float], near_misses: float = 0.0) -> None:
        known = {*CONDITION_OF, NEAR_MISS, OTHER_FRAME}
        unknown = sorted({name for kind in shares for name in kind} - known)
        if not shares or unknown or min(shares.values()) <= 0:
            raise ValueError(f"mixture: needs positive shares of kinds made of {sorted(known)}; got {dict(shares)}")
        self.kinds = tuple(shares)
        self._shares = _normalised(shares)
        self._near_misses = near_misses

    def draw(self, rng: Generator) -> Plan:
        """One example at random; two weathers at once have severities of their own."""
        kind = self.kinds[int(rng.choice(len(self.kinds), p=self._shares))]
        names = [name for name in kind if name in CONDITION_OF]
        before: list[str] = []
        if OTHER_FRAME in kind:
            before += rng.choice(list(OTHER_FRAMES), 1).tolist()
        if NEAR_MISS in kind or (names and rng.random() < self._near_misses):
            before += rng.choice(list(NEAR_MISSES), rng.integers(1, MOST_NEAR_MISSES + 1), replace=False).tolist()
        highest = 1.0 if len(names) < 2 else MIXED_TO_SEVERITY
        return Plan(
            tuple(Step(name, rng.uniform(FROM_SEVERITY, 1)) for name in before),
            tuple(Step(name, _severity(rng, name, FROM_SEVERITY, highest)) for name in names),
        )


DEFAULT_MIXTURE = ConditionMixture(
    {
        (): 16,
        (NEAR_MISS,): 26,
        (OTHER_FRAME,): 2.5,
        ("fog",): 14,
        ("wide_fog",): 14,
        ("rain",): 4,
        ("wide_rain",): 8,
        ("rain_streaks",): 6,
        ("snow",): 4,
        ("wide_snow",): 8,
        ("snow_flakes",): 6,
        ("night",): 5,
        ("wide_night",): 11,
        ("raindrops",): 2,
        ("lens_drops",): 4,
        ("wide_fog", "wide_rain"): 3,
        ("wide_fog", "wide_night"): 3,
        ("wide_rain", "wide_night"): 3,
        ("wide_fog", "wide_snow"): 3,
        ("wide_rain", "lens_drops"): 3,
    },
    near_misses=0.3,
)
"""The default model's, in parts: 44.5 of clear frames (26 of them near misses, 2.5 without a street), 28 of fog
(half of it wide), 18 of rain, 18 of snow (both a third without veil), 16 of night, 6 of drops, 15 of two weathers at
once. Three in ten frames in weather are near misses too, so that a model does not take the camera for the weather."""

PARTICLE_MIXTURE = ConditionMixture(
    {
        ("rain",): 3,
        ("wide_rain",): 3,
        ("rain_streaks",): 6,
        ("snow",): 3,
        ("wide_snow",): 3,
        ("snow_flakes",): 6,
        ("raindrops",): 1.5,
        ("lens_drops",): 3,
        ("wide_fog", "rain_streaks"): 1,
        ("fog", "snow_flakes"): 1,
        ("wide_night", "snow_flakes"): 1,
        ("night", "rain_streaks"): 1,
    }
)
"""Streaks, flakes and drops, each with nothing over them: what is behind them is known in every example."""
