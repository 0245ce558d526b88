"""Band-limited value noise in world coordinates, and seeded random numbers for places in the world."""

import cv2
import numpy as np

LATTICE_SIZE = 256


def cell_rng(seed: int, *place: int) -> np.random.Generator:
    """A generator that depends only on the drive's seed and a place (street cell, side, kind; any integers)."""
    return np.random.default_rng([seed, *(index + (1 << 30) for index in place)])


def periodic_box(position, period, half_width, footprint):
    """Coverage in [0, 1] of stripes `2 half_width` wide, centred in each period, seen through a pixel `footprint` wide.

    All arguments in the same unit, broadcast against each other. Stripes finer than a pixel fade to their mean coverage.
    """
    distance = np.abs(np.mod(position, period) - 0.5 * period)
    sharp = np.clip((half_width - distance) / footprint + 0.5, 0.0, 1.0)
    fade = np.clip(1.6 - 2.0 * footprint / period, 0.0, 1.0)
    mean = 2.0 * half_width / period
    return mean + (sharp - mean) * fade


def box(position, low, high, footprint):
    """Coverage in [0, 1] of the interval [low, high] seen through a pixel `footprint` wide."""
    return np.clip((np.minimum(position - low, high - position)) / footprint + 0.5, 0.0, 1.0)


class ValueNoise:
    """Smooth random fields on the plane, repeating only every `LATTICE_SIZE` wavelengths."""

    def __init__(self, rng: np.random.Generator):
        self._lattice = rng.uniform(-1.0, 1.0, (LATTICE_SIZE, LATTICE_SIZE)).astype(np.float32)

    def sample(self, a_HW: np.ndarray, b_HW: np.ndarray, wavelength_a: float, wavelength_b: float) -> np.ndarray:
        """Noise in [-1, 1], float32 [H, W], at positions (a, b) in metres; the two broadcast against each other."""
        shape = np.broadcast_shapes(a_HW.shape, b_HW.shape)
        maps = []
        for position, wavelength in ((a_HW, wavelength_a), (b_HW, wavelength_b)):
            # remap only takes coordinates below 2^15, so wrap here, where the array is still a row or a column
            wrapped = np.mod(position * (1.0 / wavelength), LATTICE_SIZE).astype(np.float32)
            maps.append(np.ascontiguousarray(np.broadcast_to(wrapped, shape)))
        return cv2.remap(self._lattice, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)

    def fractal(self, a_HW, b_HW, footprint, wavelengths, amplitudes) -> np.ndarray:
        """Sum of octaves (wavelengths in metres); each fades out where a pixel's `footprint` (metres) would alias it."""
        total = np.zeros(np.broadcast_shapes(a_HW.shape, b_HW.shape), np.float32)
        for index, (wavelength, amplitude) in enumerate(zip(wavelengths, amplitudes, strict=True)):
            weight = amplitude * np.clip(1.5 - 1.2 * footprint / wavelength, 0.0, 1.0)
            if np.max(weight) > 0.0:
                total += weight * self.sample(a_HW + 17.3 * index, b_HW + 5.9 * index, wavelength, wavelength)
        return total
