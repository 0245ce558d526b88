"""Small square parts of larger examples: many steps for the price of one, for what is local."""

import numpy as np
from torch.utils.data import Dataset

from training.data.batches import ExampleOfMixture


class Patches(Dataset[ExampleOfMixture]):
    """Endless parts of `size` x `size` pixels of another data set's examples, `each` of every one.

    Part i is the same in all runs with the same seed and examples. A weather must be laid over the whole example: a
    small one would have as many streaks as a large one.
    """

    def __init__(self, examples: Dataset[ExampleOfMixture], size: int, seed: int, each: int = 4) -> None:
        self._examples, self._size, self._seed, self._each = examples, size, seed, each
        self._last: tuple[int, ExampleOfMixture] | None = None

    def __getitem__(self, index: int) -> ExampleOfMixture:
        number = index // self._each
        if self._last is None or self._last[0] != number:
            self._last = number, self._examples[number]
        example = self._last[1]
        rng = np.random.default_rng((self._seed, index))
        height, width = example.labels_HW.shape
        top, left = (int(rng.integers(side - self._size + 1)) for side in (height, width))
        window = np.s_[..., top : top + self._size, left : left + self._size]
        return example._replace(
            degraded_3HW=example.degraded_3HW[window],
            clear_3HW=example.clear_3HW[window],
            labels_HW=example.labels_HW[window],
            behind_3HW=example.behind_3HW[window],
        )
