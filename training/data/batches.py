"""Training batches as a pure function of (seed, index): pick a frame, crop, vary its light, degrade."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.config import DataConfig
from training.data.degradations import WEATHERS, degrade
from training.data.sample import Sample

SCALES = (0.7, 1.5)
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


def crop(sample: Sample, size: tuple[int, int], rng: Generator) -> Sample:
    """A random crop, mirrored at random, resized to `size` (rows, columns) by a random factor within SCALES."""
    height, width = sample.labels_HW.shape
    factor = max(rng.uniform(*SCALES), size[0] / height, size[1] / width)
    rows, columns = (min(round(length / factor), limit) for length, limit in zip(size, (height, width), strict=True))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    mirror = -1 if rng.random() < 0.5 else 1
    image, labels, depth = (plane[top : top + rows, left : left + columns][:, ::mirror] for plane in sample)
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return Sample(
        np.asarray(_resize(image, size, smooth), np.uint8),
        np.asarray(_resize(labels, size, cv2.INTER_NEAREST), np.uint8),
        np.asarray(_resize(depth.astype(np.float32), size, cv2.INTER_NEAREST), np.float32),
    )


def _resize(plane: NDArray[Any], size: tuple[int, int], interpolation: int) -> NDArray[Any]:
    return cv2.resize(np.ascontiguousarray(plane), size[::-1], interpolation=interpolation)


def relight(sample: Sample, rng: Generator) -> Sample:
    """The sample under another exposure, gamma and white balance: a clear frame still."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.95, 1.05, 3)
    curve = 255 * (np.arange(256) / 255)[:, None] ** rng.uniform(0.85, 1.2) * gain
    table = np.clip(curve.round(), 0, 255).astype(np.uint8)
    return sample._replace(image_HW3=np.asarray(cv2.LUT(sample.image_HW3, table[None]), np.uint8))


def to_tensor(image_HW3: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [3, H, W]; scaling to 0..1 is the trainer's, on the device."""
    return torch.from_numpy(np.ascontiguousarray(image_HW3)).permute(2, 0, 1)
