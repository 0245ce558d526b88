"""Training batches as a pure function of (seed, index): pick a frame, crop, vary its light, degrade."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from torch import Tensor
from torch.utils.data import Dataset

from training.config import DataConfig
from training.data.crops import crop, relight, to_tensor
from training.data.degradations import WEATHERS, degrade
from training.data.sample import Sample

WEATHER_SHARES = (0.22, 0.26, 0.26, 0.26)
SEVERITIES = (0.15, 1.0)


class Example(NamedTuple):
    """One training example, or a batch of them with a leading B."""

    degraded_3HW: Tensor
    clear_3HW: Tensor
    labels_HW: Tensor
    weather: Tensor


class WeatherCrops(Dataset[Example]):
    """Endless examples; index i is the same example in every run with the same seed and pools."""

    def __init__(
        self, pools: Sequence[Sequence[Sample]], shares: Sequence[float], config: DataConfig, seed: int
    ) -> None:
        self._pools = pools
        self._shares = np.asarray(shares) / sum(shares)
        self._size = config.crop
        self._seed = seed

    def __getitem__(self, index: int) -> Example:
        cv2.setNumThreads(0)
        rng = default_rng((self._seed, index))
        pool = self._pools[rng.choice(len(self._pools), p=self._shares)]
        sample = relight(crop(pool[int(rng.integers(len(pool)))], self._size, rng), rng)
        weather = int(rng.choice(len(WEATHERS), p=WEATHER_SHARES))
        degraded = degrade(sample, WEATHERS[weather], rng.uniform(*SEVERITIES), int(rng.integers(2**31)))
        return Example(
            to_tensor(degraded), to_tensor(sample.image_HW3), torch.from_numpy(sample.labels_HW), torch.tensor(weather)
        )
