"""Makes training examples as a pure function of (seed, index): chooses a frame, crops, relights and degrades it."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from torch import Tensor
from torch.utils.data import Dataset

from training.data.crops import crop, relight, to_tensor
from training.data.degradations import degrade
from training.data.mixture import WEATHER_MIXTURE, Mixture
from training.data.sample import Sample


class Example(NamedTuple):
    """One training example, or a batch with a leading dimension B; `weather` is the number of its degradation."""

    degraded_3HW: Tensor
    clear_3HW: Tensor
    labels_HW: Tensor
    weather: Tensor


class DegradedCrops(Dataset[Example]):
    """Endless examples of `size` (rows, columns); example i is the same in all runs with the same seed and pools."""

    def __init__(
        self,
        pools: Sequence[Sequence[Sample]],
        shares: Sequence[float],
        size: tuple[int, int],
        seed: int,
        mixture: Mixture = WEATHER_MIXTURE,
    ) -> None:
        self._pools = pools
        self._shares = np.asarray(shares) / sum(shares)
        self._size = size
        self._seed = seed
        self._mixture = mixture

    def __getitem__(self, index: int) -> Example:
        cv2.setNumThreads(0)
        rng = default_rng((self._seed, index))
        pool = self._pools[rng.choice(len(self._pools), p=self._shares)]
        sample = relight(crop(pool[int(rng.integers(len(pool)))], self._size, rng), rng)
        drawn = self._mixture.draw(rng)
        degraded = degrade(sample, drawn.name, drawn.severity, int(rng.integers(2**31)))
        return Example(
            to_tensor(degraded),
            to_tensor(sample.image_HW3),
            torch.from_numpy(sample.labels_HW),
            torch.tensor(drawn.number),
        )
