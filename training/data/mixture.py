"""Draws the degradation and the severity of a training example, by the shares of a mixture."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from training.data.degradations import DEGRADATIONS, LEVELS, WEATHERS

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
        self._shares = np.array(list(shares.values()))
        self._shares /= self._shares.sum()

    def draw(self, rng: Generator) -> Draw:
        """One degradation at random."""
        index = int(rng.choice(len(self.names), p=self._shares))
        name = self.names[index]
        severity = float(rng.integers(1, LEVELS[name] + 1)) if name in LEVELS else rng.uniform(*SEVERITIES)
        return Draw(index, name, severity)


WEATHER_MIXTURE = Mixture(dict(zip(WEATHERS, (0.22, 0.26, 0.26, 0.26), strict=True)))
"""The deployable model's mixture; the drawn number is the number of the weather."""
