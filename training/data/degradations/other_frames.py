"""Frames that show no street: near misses that replace the scene. A model must leave them alone, and find them novel.

Pure seeded functions like the degradations; at severity 0 the frame stays, at any other it is replaced. Shape suffixes:
H rows, W columns, h and w those of a coarser grid, 3 colours (RGB).
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import to_bytes
from training.data.degradations.smooth import octaves, resized

Make = Callable[[Image, Generator], Image]
"""Another frame of the size of an image, uint8 [H, W, 3]."""


def _other_frame(make: Make, image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame that `make` draws, uint8 [H, W, 3], or a copy of the image at severity 0.

    image_HW3 uint8 RGB, depth_HW float32 metres (changes nothing), severity 0 to 1, seed any integer >= 0. Raises
    ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    return image_HW3.copy() if severity == 0 else make(image_HW3, default_rng(seed))


def _asphalt(image_HW3: Image, rng: Generator) -> Image:
    """A close-up of the ground at the lower edge, with the grain that the distance hides."""
    height, width = image_HW3.shape[:2]
    rows, columns = max(1, height // 6), max(1, width // 4)
    left = int(rng.integers(width - columns + 1))
    part_HW3 = image_HW3[height - rows :, left : left + columns]
    large_HW3 = cv2.resize(part_HW3, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain_HW = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), rng.uniform(0.4, 1.2))
    large_HW3 += (grain_HW * np.float32(rng.uniform(8, 45)))[:, :, None]
    return to_bytes(large_HW3)


def _blank_sky(image_HW3: Image, rng: Generator) -> Image:
    """Nothing but a sky, blue or overcast, with or without clouds."""
    blue = rng.uniform(0, 0.6)
    above = rng.uniform(60, 240) * np.array((1 - blue, 1 - 0.5 * blue, 1.0))
    share_h1 = np.linspace(0, 1, 36)[:, None, None] * rng.uniform(0, 1)
    sky_hw3 = above + share_h1 * (rng.uniform(150, 255) - above)
    clouds_hw = np.clip(octaves(rng, (36, 64), ((3, 4), (7, 9), (15, 20))) * rng.uniform(0, 1.2), 0, 1)
    sky_hw3 = sky_hw3 + clouds_hw[:, :, None] * (rng.uniform(170, 250) - sky_hw3)
    return to_bytes(resized(np.asarray(sky_hw3, np.float32), image_HW3.shape))


def _interior(image_HW3: Image, rng: Generator) -> Image:
    """Walls, panels and textures that belong to no street."""
    height, width = image_HW3.shape[:2]
    room_HW3 = np.empty_like(image_HW3)
    room_HW3[:] = _muted(rng)
    for _ in range(rng.integers(2, 30)):
        corners_42 = rng.uniform(0, (width, height), 2) + rng.normal(0, 0.25, (4, 2)) * (width, height)
        hull = cv2.convexHull(corners_42.astype(np.int32))
        cv2.fillConvexPoly(room_HW3, hull, _muted(rng), cv2.LINE_AA)
    fine = int(rng.integers(8, 64))
    texture_HW = octaves(rng, (height, width), ((4, 6), (fine, fine))) * np.float32(rng.uniform(5, 60))
    return to_bytes(np.asarray(room_HW3 + texture_HW[:, :, None], np.float32))


def _covered_lens(image_HW3: Image, rng: Generator) -> Image:
    """A black or nearly black frame with a sensor's noise."""
    return _blank(rng, rng.uniform(0, 12), image_HW3)


def _blinded_lens(image_HW3: Image, rng: Generator) -> Image:
    """A white or nearly white frame."""
    return _blank(rng, rng.uniform(225, 256), image_HW3)


def _pure_noise(image_HW3: Image, rng: Generator) -> Image:
    """Noise without a scene, coarse or fine, grey or coloured."""
    cell, channels = int(rng.choice((1, 1, 2, 4, 8, 16))), int(rng.choice((1, 3)))
    rows, columns = -(-image_HW3.shape[0] // cell), -(-image_HW3.shape[1] // cell)
    coarse = rng.uniform(20, 230) + rng.uniform(10, 90) * rng.standard_normal((rows, columns, channels), np.float32)
    height, width = image_HW3.shape[:2]
    noise = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)[:height, :width]
    return to_bytes(np.ascontiguousarray(np.broadcast_to(noise, image_HW3.shape).astype(np.float32)))


def _pattern(image_HW3: Image, rng: Generator) -> Image:
    """Waves of two directions in two colours, as fabrics, tiles and grids have them."""
    y_H1, x_1W = np.ogrid[: image_HW3.shape[0], : image_HW3.shape[1]]
    waves = np.zeros(image_HW3.shape[:2], np.float32)
    for _ in range(int(rng.integers(1, 4))):
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 80)
        waves += np.sin((np.cos(angle) * x_1W + np.sin(angle) * y_H1) * (2 * np.pi / period)).astype(np.float32)
    share = 1 / (1 + np.exp(-waves * rng.uniform(1, 8)))
    first, second = np.array(_muted(rng)), np.array(_muted(rng))
    return to_bytes(np.asarray(first + share[:, :, None] * (second - first), np.float32))


def _blank(rng: Generator, level: float, like_HW3: Image) -> Image:
    """One level with a sensor's noise, or none."""
    deviation = rng.choice((0.0, rng.uniform(0, 4)))
    return to_bytes(np.asarray(level + deviation * rng.standard_normal(like_HW3.shape, np.float32), np.float32))


def _muted(rng: Generator) -> tuple[float, ...]:
    """A colour of no great saturation, RGB 0..255."""
    return tuple(np.clip(rng.uniform(20, 230) * rng.normal(1, 0.12, 3), 0, 255).tolist())


OTHER_FRAMES: dict[str, Callable[[Image, Map, float, int], Image]] = {
    name: partial(_other_frame, make)
    for name, make in {
        "asphalt": _asphalt,
        "blank_sky": _blank_sky,
        "interior": _interior,
        "covered_lens": _covered_lens,
        "blinded_lens": _blinded_lens,
        "pure_noise": _pure_noise,
        "pattern": _pattern,
    }.items()
}
"""Near misses that show another scene, to which neither the labels nor the depth of the frame belong, by name."""
