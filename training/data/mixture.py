"""Which degradation a training example gets, and how strong: a named share of each."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from training.data.degradations import DEGRADATIONS, LEVELS, WEATHERS

SEVERITIES = (0.15, 1.0)
"""Of those degradations whose severity is any number from 0 to 1."""


class Draw(NamedTuple):
    """One degradation: its number in the mixture, its name, and its severity."""

    number: int
    name: str
    severity: float


class Mixture:
    """Degradations by name, each with its share (any positive numbers).

    Levels are drawn evenly from 1 to LEVELS[name], other severities from SEVERITIES. Raises ValueError for no
    degradation, an unknown name, or a share that is not positive.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        unknown = sorted(set(shares) - set(DEGRADATIONS))
        if not shares or unknown or min(shares.values()) <= 0:
            raise ValueError(f"mixture: needs positive shares of some of {', '.join(DEGRADATIONS)}; got {dict(shares)}")
        self.names = tuple(shares)
        self._shares = np.array(list(shares.values()))
        self._shares /= self._shares.sum()

    def draw(self, rng: Generator) -> Draw:
        """One degradation at random."""
        index = int(rng.choice(len(self.names), p=self._shares))
        name = self.names[index]
        severity = float(rng.integers(1, LEVELS[name] + 1)) if name in LEVELS else rng.uniform(*SEVERITIES)
        return Draw(index, name, severity)


WEATHER_MIXTURE = Mixture(dict(zip(WEATHERS, (0.22, 0.26, 0.26, 0.26), strict=True)))
"""The deployable model's: the drawn number is the weather's number."""
