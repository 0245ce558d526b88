"""Synthetic weather as pure seeded functions: clear, fog, rain and snow laid over a clear frame.

Every weather is a stack of veils, each a blend towards one colour with an opacity per pixel, that thicken with
severity; the same seed keeps the same drops, flakes and fog banks at every severity.
Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from training.data.sample import Sample

WEATHERS = ("clear", "fog", "rain", "snow")

Image = NDArray[np.uint8]
Map = NDArray[np.float32]
Colour = tuple[float, float, float]

VISIBILITY_M = (400.0, 42.0)
"""Meteorological optical range (5 % contrast) in metres at the lowest and the highest severity of fog."""

ONSET = 0.1
"""Severity below which a weather fades in from nothing."""


class Veil(NamedTuple):
    """A blend towards `colour` (RGB 0..255) with opacity `alpha_HW` (float32 0..1)."""

    alpha_HW: Map
    colour: Colour


class Particles(NamedTuple):
    """One layer of drops or flakes, lengths in pixels of an image 360 rows high or a crop of one.

    coverage: fraction of the image under particles at severity 1; opacity: of a particle's middle, 0..1;
    distance: metres from the camera, so that nearer surfaces hide part of the layer.
    """

    width: float
    length: float
    coverage: float
    opacity: float
    distance: float


RAIN = (
    Particles(width=1.0, length=11.0, coverage=0.16, opacity=0.4, distance=18.0),
    Particles(width=1.4, length=24.0, coverage=0.10, opacity=0.5, distance=7.0),
    Particles(width=3.2, length=60.0, coverage=0.05, opacity=0.36, distance=2.0),
)
SNOW = (
    Particles(width=1.3, length=1.5, coverage=0.07, opacity=0.65, distance=18.0),
    Particles(width=3.0, length=3.6, coverage=0.055, opacity=0.85, distance=7.0),
    Particles(width=8.0, length=11.0, coverage=0.045, opacity=0.65, distance=2.0),
)


def clear(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A copy of the image; the arguments are those of `fog`."""
    _check(image_HW3, depth_HW, severity, seed)
    return image_HW3.copy()


def fog(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Koschmieder's law, I = J t + A (1 - t) with t = exp(-beta depth), uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (none) to 1 (visibility 42 m), seed any integer >= 0. The
    density drifts slowly over the image and the airlight A is a bright grey with a slight tint, both from the seed.
    Raises ValueError for arguments of another type, shape or range.
    """
    _check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    airlight = _grey(rng, 162, 195)
    density_HW = 1 + 0.25 * _smooth_noise(rng, image_HW3.shape[:2])
    beta = extinction(severity)
    return _blend(image_HW3, [Veil(_haze(depth_HW, beta * density_HW), airlight)])


def rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Streaks along one wind direction in layers from far and fine to near and long, over a thin grey veil.

    Arguments, result and errors are those of `fog`.
    """
    _check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    wind = rng.uniform(-0.45, 0.45)
    veil = Veil(_haze(depth_HW, np.float32(0.004 * severity)) * 0.6 + np.float32(0.08 * severity), _grey(rng, 135, 165))
    drops = _particles(rng, RAIN, depth_HW, severity, wind)
    return _blend(image_HW3, [veil, Veil(drops, _grey(rng, 195, 222))])


def snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Flakes in layers from far, small and dense to near, large and blurred, over a whitish veil.

    Arguments, result and errors are those of `fog`.
    """
    _check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    wind = rng.uniform(-0.8, 0.8)
    veil = Veil(_haze(depth_HW, np.float32(0.008 * severity)) * np.float32(0.6), _grey(rng, 205, 225))
    flakes = _particles(rng, SNOW, depth_HW, severity, wind)
    return _blend(image_HW3, [veil, Veil(flakes, _grey(rng, 240, 252))])


DEGRADATIONS: dict[str, Callable[[Image, Map, float, int], Image]] = dict(
    zip(WEATHERS, (clear, fog, rain, snow), strict=True)
)


def degrade(sample: Sample, weather: str, severity: float, seed: int) -> Image:
    """The sample's image in one of WEATHERS, uint8 [H, W, 3].

    Severity, seed and errors are those of `fog`; an unknown weather raises ValueError too.
    """
    if weather not in DEGRADATIONS:
        raise ValueError(f"weather: {weather!r} is unknown; choose one of {', '.join(WEATHERS)}")
    return DEGRADATIONS[weather](sample.image_HW3, sample.depth_HW, severity, seed)


def extinction(severity: float) -> float:
    """Fog's extinction coefficient beta in 1/m: visibility falls geometrically over VISIBILITY_M, from none at 0."""
    first, last = VISIBILITY_M
    visibility = first * (last / first) ** severity
    return -float(np.log(0.05)) / visibility * min(1.0, severity / ONSET)


def _haze(depth_HW: Map, beta: Map | np.float32) -> Map:
    """1 - t, the share of airlight that Koschmieder's law gives at each depth, float32 [H, W]."""
    transmission_HW: Map = np.asarray(cv2.exp(depth_HW * -beta), np.float32)
    return 1 - transmission_HW


def _grey(rng: Generator, low: float, high: float) -> Colour:
    level, tint = rng.uniform(low, high), rng.uniform(-4, 5)
    return level - tint, level, level + tint


def _smooth_noise(rng: Generator, shape: tuple[int, ...]) -> Map:
    """Slowly varying noise, float32 [H, W], in -1..1."""
    grid = rng.uniform(-1, 1, (4, 5)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _particles(rng: Generator, layers: Sequence[Particles], depth_HW: Map, severity: float, wind: float) -> Map:
    """Joint opacity of the layers, float32 [H, W]; `wind` is the tangent of the fall's angle to the vertical."""
    scale = float(np.clip(depth_HW.shape[0] / 360, 1.0, 4.0) * rng.uniform(0.8, 1.4))
    clear_HW = np.ones_like(depth_HW)
    for layer in layers:
        slant = wind + rng.uniform(-0.05, 0.05)
        coverage_HW = _layer(rng, layer, depth_HW.shape, severity, slant, scale)
        in_front_HW = np.minimum(depth_HW * np.float32(1 / layer.distance), np.float32(1))
        in_front_HW *= coverage_HW
        in_front_HW *= np.float32(layer.opacity / 255)
        clear_HW *= 1 - in_front_HW
    return 1 - clear_HW


def _layer(
    rng: Generator, layer: Particles, shape: tuple[int, ...], severity: float, slant: float, scale: float
) -> Image:
    """Coverage by one layer, uint8 [H, W], 255 in full: points, stretched to strokes, sheared along the wind.

    Large particles are drawn on a coarser grid: cheaper, and as soft as something out of focus.
    """
    coarse = max(1.0, layer.width * scale / 1.6)
    width, length = layer.width * scale / coarse, layer.length * scale / coarse
    rows, columns = int(shape[0] / coarse) + 2, int(shape[1] / coarse) + 2
    most = max(1, round(layer.coverage * rows * columns / (width * length)))
    count = max(1, round(most * severity))
    position = rng.integers(0, rows * columns, most)[:count]
    strength = rng.uniform(0.5, 1.5, most)[:count] * min(1.0, severity / ONSET)
    points = np.zeros(rows * columns, np.uint8)
    points[position] = strength * 170  # in bytes, which OpenCV filters and shears fastest; 170 = 255 / 1.5
    strokes = cv2.sepFilter2D(points.reshape(rows, columns), -1, _bump(width), _bump(length) * np.float32(1.5))
    shear = np.array([[1, slant, -0.5 * slant * shape[0]], [0, 1, 0]], np.float32) / np.float32(coarse)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sheared = cv2.warpAffine(strokes, shear, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(sheared, np.uint8)


def _bump(size: float) -> Map:
    """A smooth bump of height 1 and about `size` pixels across, as an odd-length filter."""
    reach = max(1, int(np.ceil(0.8 * size)))
    offset = np.arange(-reach, reach + 1) / (0.6 * size)
    return np.exp(-(offset**4) - 0.3 * offset**2).astype(np.float32)


def _blend(image_HW3: Image, veils: Sequence[Veil]) -> Image:
    """Lay the veils over the image, first to last, and round once."""
    out_HW3 = np.empty_like(image_HW3)
    for channel in range(3):
        plane_HW = image_HW3[:, :, channel].astype(np.float32)
        for veil in veils:
            plane_HW += veil.alpha_HW * (np.float32(veil.colour[channel]) - plane_HW)
        plane_HW += np.float32(0.5)
        out_HW3[:, :, channel] = plane_HW
    return out_HW3


def _check(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> None:
    if not isinstance(image_HW3, np.ndarray) or image_HW3.dtype != np.uint8:
        raise ValueError(f"image: expected a uint8 array, found {getattr(image_HW3, 'dtype', type(image_HW3))}")
    if image_HW3.ndim != 3 or image_HW3.shape[2] != 3 or image_HW3.size == 0:
        raise ValueError(f"image: expected the shape [H, W, 3], not empty, found {list(image_HW3.shape)}")
    if not isinstance(depth_HW, np.ndarray) or depth_HW.dtype != np.float32:
        raise ValueError(f"depth: expected a float32 array, found {getattr(depth_HW, 'dtype', type(depth_HW))}")
    if depth_HW.shape != image_HW3.shape[:2]:
        raise ValueError(f"depth: its shape {list(depth_HW.shape)} is not the image's {list(image_HW3.shape[:2])}")
    if not (depth_HW.min() > 0 and np.isfinite(depth_HW.max())):
        raise ValueError("depth: every value must be finite and above 0 metres; use SKY_DEPTH for the sky")
    if not 0 <= severity <= 1:
        raise ValueError(f"severity: expected a number from 0 to 1, found {severity}")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: expected an integer of 0 or more, found {seed!r}")
