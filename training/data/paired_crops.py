"""Training examples from pairs of a degraded and a clear frame on disk, as a pure function of (seed, index)."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from torch.utils.data import Dataset

from training.data.batches import Example
from training.data.classes import VOID
from training.data.crops import Window, draw_window, to_tensor
from training.data.readers.sets import Pair, PairSet


class PairedCrops(Dataset[Example]):
    """Endless crops of `size` (rows, columns), the same window of both frames and of the labels; `weather` is 0.

    Index i is the same in every run with the same seed and pairs. Labels are VOID where a pair has none.
    """

    def __init__(self, pairs: PairSet, size: tuple[int, int], seed: int) -> None:
        self._pairs, self._size, self._seed = pairs, size, seed

    def __getitem__(self, index: int) -> Example:
        return draw(self._pairs, self._size, self._seed, index).example()


class Drawn(NamedTuple):
    """A pair by its number in the set, and the window of it that an example shows."""

    number: int
    pair: Pair
    window: Window

    def example(self) -> Example:
        """The window of both frames and of the labels."""
        labels_HW = np.full(self.window.size, VOID, np.uint8)
        if self.pair.labels_HW is not None:
            labels_HW = self.window.labels(self.pair.labels_HW)
        degraded, clear = (to_tensor(self.window.image(x)) for x in (self.pair.degraded_HW3, self.pair.clear_HW3))
        return Example(degraded, clear, torch.from_numpy(labels_HW), torch.tensor(0))


def draw(pairs: PairSet, size: tuple[int, int], seed: int, index: int) -> Drawn:
    """The pair and the window of the example `index`: a pure function of (seed, index)."""
    cv2.setNumThreads(0)
    rng = default_rng((seed, index))
    number = int(rng.integers(len(pairs)))
    pair = pairs[number]
    return Drawn(number, pair, draw_window(pair.degraded_HW3.shape[:2], size, rng))
