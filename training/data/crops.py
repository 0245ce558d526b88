"""Random crops of frames, the same for every plane of a frame, and random changes of their light."""

from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from training.data.sample import Sample, Sides

SCALES = (0.7, 1.5)


class Window(NamedTuple):
    """A part of a frame, mirrored or not, and its new size (rows, columns)."""

    top: int
    left: int
    rows: int
    columns: int
    mirror: bool
    size: tuple[int, int]

    def sample(self, sample: Sample) -> Sample:
        """The part of every plane of a sample."""
        labels_HW = self.labels(sample.labels_HW, sample.sides)
        return Sample(self.image(sample.image_HW3), labels_HW, self.depth(sample.depth_HW), sample.sides)

    def image(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of an image, uint8 [rows, columns, 3], with smooth resizing."""
        shrinks = self.size[0] < self.rows or self.size[1] < self.columns
        smooth = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(self._resized(image_HW3, smooth), np.uint8)

    def labels(self, labels_HW: NDArray[np.uint8], sides: Sides = ()) -> NDArray[np.uint8]:
        """The part of a label map, uint8 [rows, columns]; nearest neighbours, so no label is new.

        Mirrored, a left side becomes its right side.
        """
        part_HW = np.asarray(self._resized(labels_HW, cv2.INTER_NEAREST), np.uint8)
        if not self.mirror or not sides:
            return part_HW
        table = np.arange(256, dtype=np.uint8)
        for left, right in sides:
            table[[left, right]] = right, left
        return table[part_HW]

    def depth(self, depth_HW: NDArray[Any]) -> NDArray[np.float32]:
        """The part of a depth map, float32 [rows, columns]; nearest neighbours, so no depth is between two objects."""
        return np.asarray(self._resized(depth_HW.astype(np.float32), cv2.INTER_NEAREST), np.float32)

    def _resized(self, plane: NDArray[Any], interpolation: int) -> NDArray[Any]:
        part = plane[self.top : self.top + self.rows, self.left : self.left + self.columns]
        part = part[:, ::-1] if self.mirror else part
        return cv2.resize(np.ascontiguousarray(part), self.size[::-1], interpolation=interpolation)


def draw_window(frame: tuple[int, ...], size: tuple[int, int], rng: Generator) -> Window:
    """A random window of a frame of `frame` (rows, columns), mirrored at random, enlarged by a factor within SCALES.

    A frame smaller than `size` gets the larger factor that it needs.
    """
    factor = max(rng.uniform(*SCALES), size[0] / frame[0], size[1] / frame[1])
    rows, columns = (min(round(length / factor), limit) for length, limit in zip(size, frame, strict=True))
    top, left = int(rng.integers(frame[0] - rows + 1)), int(rng.integers(frame[1] - columns + 1))
    return Window(top, left, rows, columns, bool(rng.random() < 0.5), size)


def crop(sample: Sample, size: tuple[int, int], rng: Generator) -> Sample:
    """A random crop, mirrored at random, resized to `size` (rows, columns) by a random factor within SCALES."""
    return draw_window(sample.labels_HW.shape, size, rng).sample(sample)


def relight(sample: Sample, rng: Generator) -> Sample:
    """The sample with another exposure, gamma and white balance; it stays a clear frame."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.95, 1.05, 3)
    curve = 255 * (np.arange(256) / 255)[:, None] ** rng.uniform(0.85, 1.2) * gain
    table = np.clip(curve.round(), 0, 255).astype(np.uint8)
    return sample._replace(image_HW3=np.asarray(cv2.LUT(sample.image_HW3, table[None]), np.uint8))


def to_tensor(image_HW3: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [3, H, W]; the objective scales it to 0..1 on the device."""
    return torch.from_numpy(np.ascontiguousarray(image_HW3)).permute(2, 0, 1)
