"""Makes training examples as a pure function of (seed, index): chooses a frame, crops, relights and degrades it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.utils.data import Dataset

from training.data.bonnet import with_bonnet
from training.data.classes import VOID
from training.data.crops import Window, crop, relight, to_tensor
from training.data.degradations import BEHIND_PARTICLES, Degrade, behind, degrade
from training.data.degradations.near_misses import NEAR_MISSES
from training.data.degradations.other_frames import OTHER_FRAMES
from training.data.degradations.regular import as_jpeg
from training.data.mixture import CONDITION_OF, DEFAULT_MIXTURE, WEATHER_MIXTURE, ConditionMixture, Mixture, Step
from training.data.sample import Sample

STRETCH = 1.35
"""Largest change of a whole frame's aspect."""

JPEG_QUALITIES = (40, 95)
"""Lowest and highest quality of a compressed frame."""


class Example(NamedTuple):
    """One training example, or a batch with a leading dimension B; `weather` is the number of its degradation."""

    degraded_3HW: Tensor
    clear_3HW: Tensor
    labels_HW: Tensor
    weather: Tensor


Item = TypeVar("Item", covariant=True)


class StreetCrops(Dataset[Item], ABC):
    """Endless examples of `size` (rows, columns); example i is the same in all runs with the same seed and pools.

    `shares` (positive numbers) are the pools' shares of the examples.
    """

    def __init__(
        self, pools: Sequence[Sequence[Sample]], shares: Sequence[float], size: tuple[int, int], seed: int
    ) -> None:
        self._pools = pools
        self._shares = np.asarray(shares) / sum(shares)
        self._size = size
        self._seed = seed

    def __getitem__(self, index: int) -> Item:
        cv2.setNumThreads(0)
        rng = default_rng((self._seed, index))
        pool = self._pools[rng.choice(len(self._pools), p=self._shares)]
        return self._example(pool[int(rng.integers(len(pool)))], rng)

    @abstractmethod
    def _example(self, frame: Sample, rng: Generator) -> Item:
        """The example of a frame."""


class DegradedCrops(StreetCrops[Example]):
    """Crops with one degradation each, which `degrade` makes."""

    def __init__(
        self,
        pools: Sequence[Sequence[Sample]],
        shares: Sequence[float],
        size: tuple[int, int],
        seed: int,
        mixture: Mixture = WEATHER_MIXTURE,
        degrade: Degrade = degrade,
    ) -> None:
        super().__init__(pools, shares, size, seed)
        self._mixture, self._degrade = mixture, degrade

    def _example(self, frame: Sample, rng: Generator) -> Example:
        sample = relight(crop(frame, self._size, rng), rng)
        drawn = self._mixture.draw(rng)
        degraded = self._degrade(sample, drawn.name, drawn.severity, int(rng.integers(2**31)))
        return Example(
            to_tensor(degraded),
            to_tensor(sample.image_HW3),
            torch.from_numpy(sample.labels_HW),
            torch.tensor(drawn.number),
        )


class ExampleOfMixture(NamedTuple):
    """As Example, for several weathers at once; `weather` is the strongest condition's number.

    weathers_K and severities_K, float32, one of each of CONDITIONS: 1 for those that are there, else 0; their
    severities. A clear frame, near misses included, has weathers_K 1 at "clear" alone. `novel`, float32, is 1 for a
    frame that shows no street, else 0. `behind_3HW`: the degraded frame without its streaks, flakes and drops, and not
    compressed. `parted`, float32, is 1 if that is known; it is 0 at night without particles and with a weather over the
    particles.
    """

    degraded_3HW: Tensor
    clear_3HW: Tensor
    labels_HW: Tensor
    weather: Tensor
    weathers_K: Tensor
    severities_K: Tensor
    novel: Tensor
    behind_3HW: Tensor
    parted: Tensor


class MixedCrops(StreetCrops[ExampleOfMixture]):
    """Crops, and a share `whole` of whole frames, under no weather, one or two.

    The target is the frame before its weather: for a near miss, the near miss itself. A share `compressed` of the
    frames in weather is JPEG, as cameras' topics often are; neither target nor `behind_3HW` is.
    """

    def __init__(
        self,
        pools: Sequence[Sequence[Sample]],
        shares: Sequence[float],
        size: tuple[int, int],
        seed: int,
        mixture: ConditionMixture = DEFAULT_MIXTURE,
        whole: float = 0.4,
        compressed: float = 0.2,
    ) -> None:
        super().__init__(pools, shares, size, seed)
        self._mixture, self._whole, self._compressed = mixture, whole, compressed

    def _example(self, frame: Sample, rng: Generator) -> ExampleOfMixture:
        whole = rng.random() < self._whole
        part = whole_frame(frame, self._size, rng, STRETCH) if whole else crop(frame, self._size, rng)
        plan = self._mixture.draw(rng)
        sample = with_bonnet(relight(part, rng), rng)
        for step in plan.before:
            sample = near_miss(sample, step, int(rng.integers(2**31)))
        degraded, behind_HW3, parted = sample, sample.image_HW3, True
        for name, severity in plan.weathers:
            seed, parted = int(rng.integers(2**31)), behind_HW3 is degraded.image_HW3
            image_HW3 = degrade(degraded, name, severity, seed)
            if name in BEHIND_PARTICLES:
                behind_HW3 = behind(degraded, name, severity, seed)
            else:
                behind_HW3, parted = image_HW3, parted and CONDITION_OF[name] != "night"
            degraded = degraded._replace(image_HW3=image_HW3)
        if plan.weathers and rng.random() < self._compressed:
            quality = int(rng.integers(*JPEG_QUALITIES, endpoint=True))
            degraded = degraded._replace(image_HW3=as_jpeg(degraded.image_HW3, quality))
        severity_K = plan.severities()
        return ExampleOfMixture(
            to_tensor(degraded.image_HW3),
            to_tensor(sample.image_HW3),
            torch.from_numpy(sample.labels_HW),
            torch.tensor(int(severity_K.argmax())),
            torch.from_numpy((severity_K > 0).astype(np.float32)),
            torch.from_numpy(severity_K),
            torch.tensor(float(plan.novel)),
            to_tensor(behind_HW3),
            torch.tensor(float(parted)),
        )


def whole_frame(sample: Sample, size: tuple[int, int], rng: Generator, stretch: float = 1.0) -> Sample:
    """The largest part of the frame of the aspect of `size` (rows, columns), at that size, mirrored at random.

    The part is wider or narrower than that by a random factor up to `stretch`, so that a network trained at one aspect
    knows the others.
    """
    height, width = sample.labels_HW.shape
    aspect = size[1] / size[0] * stretch ** rng.uniform(-1, 1)
    rows, columns = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    return Window(top, left, rows, columns, bool(rng.random() < 0.5), size).sample(sample)


def near_miss(sample: Sample, step: Step, seed: int) -> Sample:
    """The sample as another clear frame; one of OTHER_FRAMES has no labels."""
    change = NEAR_MISSES.get(step.name) or OTHER_FRAMES[step.name]
    image_HW3 = change(sample.image_HW3, sample.depth_HW, step.severity, seed)
    labels_HW = np.full_like(sample.labels_HW, VOID) if step.name in OTHER_FRAMES else sample.labels_HW
    return sample._replace(image_HW3=image_HW3, labels_HW=labels_HW)
