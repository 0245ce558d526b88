"""Band-limited value noise in world coordinates, and seeded random numbers for places in the world."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Mostly float32; rows [H, 1], columns [W] or [1, W] and pixels [H, W] mix by broadcasting."""

LATTICE_SIZE = 256


def cell_rng(seed: int, *place: int) -> np.random.Generator:
    """A generator that depends only on the drive's seed and a place (street cell, side, kind; any integers)."""
    return np.random.default_rng([seed, *(index + (1 << 30) for index in place)])


def periodic_box(position: Array, period: Array | float, half_width: Array | float, footprint: Array) -> Array:
    """Coverage in [0, 1] of stripes `2 half_width` wide, centred in each period, through a pixel `footprint` wide.

    All arguments in the same unit, broadcast against each other. Stripes finer than a pixel fade to their mean.
    """
    phase = position / period
    distance = np.abs(phase - np.floor(phase) - 0.5) * period
    sharp = np.clip((half_width - distance) / footprint + 0.5, 0.0, 1.0)
    fade = np.clip(1.6 - 2.0 * footprint / period, 0.0, 1.0)
    mean = 2.0 * half_width / period
    return np.asarray(mean + (sharp - mean) * fade)


def box(position: Array, low: Array | float, high: Array | float, footprint: Array) -> Array:
    """Coverage in [0, 1] of the interval [low, high] seen through a pixel `footprint` wide."""
    return np.asarray(np.clip((np.minimum(position - low, high - position)) / footprint + 0.5, 0.0, 1.0))


class ValueNoise:
    """Smooth random fields on the plane with a period of `LATTICE_SIZE` wavelengths."""

    def __init__(self, rng: np.random.Generator):
        lattice = rng.uniform(-1.0, 1.0, (LATTICE_SIZE, LATTICE_SIZE)).astype(np.float32)
        # one more row and column, equal to the first, spare remap its slow path at borders
        self._lattice = np.pad(lattice, (0, 1), mode="wrap")

    def sample(self, a_HW: Array, b_HW: Array, wavelength_a: float, wavelength_b: float) -> Array:
        """Noise in [-1, 1], float32 [H, W], at positions (a, b) in metres; the two broadcast against each other."""
        shape = np.broadcast_shapes(a_HW.shape, b_HW.shape)
        maps = []
        for position, wavelength in ((a_HW, wavelength_a), (b_HW, wavelength_b)):
            turns = np.asarray(position, np.float32) * np.float32(1.0 / (wavelength * LATTICE_SIZE))
            wrapped = (turns - np.floor(turns)) * np.float32(LATTICE_SIZE)
            maps.append(np.ascontiguousarray(np.broadcast_to(wrapped, shape)))
        return cv2.remap(self._lattice, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def fractal(
        self,
        a_HW: Array,
        b_HW: Array,
        footprint: Array,
        wavelengths: tuple[float, ...],
        amplitudes: tuple[float, ...],
    ) -> Array:
        """Sum of octaves (wavelengths in metres), float32 [H, W]; each fades as a pixel's footprint begins to alias it.

        `footprint` [H, 1], [1, W] or [1, 1]: the metres that a pixel spans.
        """
        height, width = np.broadcast_shapes(a_HW.shape, b_HW.shape)
        total_HW = np.zeros((height, width), np.float32)
        for index, (wavelength, amplitude) in enumerate(zip(wavelengths, amplitudes, strict=True)):
            weight = np.float32(amplitude) * np.clip(
                np.float32(1.5) - footprint * np.float32(1.2 / wavelength), 0.0, 1.0
            )
            seen = np.nonzero(weight)
            if len(seen[0]) == 0:
                continue
            # only the rows or columns with a visible octave
            low, high = (int(seen[0].min()), int(seen[0].max()) + 1) if weight.shape[0] > 1 else (0, height)
            left, right = (int(seen[1].min()), int(seen[1].max()) + 1) if weight.shape[1] > 1 else (0, width)
            a = a_HW[low:high] if a_HW.shape[0] > 1 else a_HW
            b = b_HW[low:high] if b_HW.shape[0] > 1 else b_HW
            a = a[:, left:right] if a.shape[1] > 1 else a
            b = b[:, left:right] if b.shape[1] > 1 else b
            octave = self.sample(a + np.float32(17.3 * index), b + np.float32(5.9 * index), wavelength, wavelength)
            octave *= weight[low:high] if weight.shape[0] > 1 else weight[:, left:right]
            total_HW[low:high, left:right] += octave
        return total_HW


class Tones:
    """Random numbers in [0, 1) for the places of an integer grid, with a period of 256 places."""

    def __init__(self, seed: int):
        self._table = np.random.default_rng([seed, 77]).uniform(0.0, 1.0, 1 << 16).astype(np.float32)

    def at(self, row: Array, column: Array) -> Array:
        """The numbers of some places (whole numbers of any type), float32 of the arguments' common shape."""
        index = ((row.astype(np.int32) & 255) << 8) + (column.astype(np.int32) & 255)
        return self._table.take(index)
