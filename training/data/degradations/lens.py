"""Raindrops on the lens that show the scene upside down and out of focus; the project's own (not paper A's).

Drops are soft, so half size suffices to draw them. Shape suffixes: H rows, W columns, h and w half of them, r rows and
c columns of the box around a drop, 3 colours (RGB).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.particles import ONSET
from training.data.degradations.smooth import resized

MOST_DROPS = 60
"""Drops at severity 1 on an image of 360 x 640."""

RADII = (5.0, 30.0)
"""Pixels on an image of 360 rows; small drops are the most frequent."""

FIELD = (4.0, 9.0)
"""Size of a drop's view of the scene, in sizes of the drop."""


class Drops(NamedTuple):
    """The source position of each pixel in the drops, its gain, its glint (0..255), and the drops' opacity."""

    column_hw: Map
    row_hw: Map
    shade_hw: Map
    glint_hw: Map
    alpha_hw: Map


def raindrops(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Drops on the lens that refract the scene, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres (changes nothing), severity 0 (none) to 1 (as many as MOST_DROPS), seed
    any integer >= 0: the drops of a lower severity stay at a higher one. Each drop shows a wide, reversed and blurred
    view of its surroundings, dark towards its rim, with a glint.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    half = ((image_HW3.shape[1] + 1) // 2, (image_HW3.shape[0] + 1) // 2)
    half_hw3 = cv2.resize(image_HW3, half, interpolation=cv2.INTER_AREA)
    drops = _drops(default_rng(seed), half_hw3.shape, severity)
    soft_hw3 = cv2.GaussianBlur(half_hw3, (0, 0), 0.8 * max(1.0, half_hw3.shape[0] / 180))
    seen_hw3 = cv2.remap(soft_hw3, drops.column_hw, drops.row_hw, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    alpha_hw = drops.alpha_hw * np.float32(min(1.0, severity / ONSET))
    drop_hw3 = np.minimum(seen_hw3 * drops.shade_hw[:, :, None] + drops.glint_hw[:, :, None], 255)
    rest_HW = resized(1 - alpha_hw, image_HW3.shape)
    drop_HW3 = resized(alpha_hw[:, :, None] * drop_hw3, image_HW3.shape)
    return np.asarray(cv2.convertScaleAbs(image_HW3 * rest_HW[:, :, None] + drop_HW3), np.uint8)


def _drops(rng: Generator, shape: tuple[int, ...], severity: float) -> Drops:
    height, width = shape[:2]
    scale = max(1.0, height / 180)
    most = max(1, round(MOST_DROPS * height * width / (180 * 320 * scale**2)))
    count = max(1, round(most * severity))
    column_hw, row_hw = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    drops = Drops(column_hw, row_hw, *(np.zeros((height, width), np.float32) for _ in range(3)))
    middle_N2 = rng.uniform(0, (height, width), (most, 2))
    low, high = RADII
    radius_N = 0.5 * scale * (low + (high - low) * rng.uniform(0, 1, most) ** 2.5)
    form_N5 = rng.uniform(0, 1, (most, 5))
    for middle, radius, form in zip(middle_N2[:count], radius_N[:count], form_N5[:count], strict=True):
        _add_drop(drops, middle.tolist(), float(radius), form.tolist())
    return drops


def _add_drop(drops: Drops, middle: Sequence[float], radius: float, form: Sequence[float]) -> None:
    """Draw one drop into `drops`: `middle` row and column, `form` five numbers 0..1 for its shape, glint and view."""
    height, width = drops.alpha_hw.shape
    reach = int(1.6 * radius) + 1
    top, left = max(0, int(middle[0]) - reach), max(0, int(middle[1]) - reach)
    box = np.s_[top : min(height, int(middle[0]) + reach + 1), left : min(width, int(middle[1]) + reach + 1)]
    rows, columns = drops.alpha_hw[box].shape
    down_r1 = (np.arange(top, top + rows, dtype=np.float32)[:, None] - middle[0]) / radius
    across_1c = (np.arange(left, left + columns, dtype=np.float32)[None, :] - middle[1]) / radius
    angle_rc = np.arctan2(down_r1, across_1c)
    outline_rc = 1 + 0.12 * form[0] * np.cos(2 * angle_rc + 6 * form[1]) + 0.07 * np.cos(3 * angle_rc + 6 * form[2])
    from_middle_rc = np.hypot(down_r1 / (1 + 0.3 * form[0]), across_1c) / outline_rc
    drawn_rc = from_middle_rc < 1.05
    view_rc = -radius * (FIELD[0] + (FIELD[1] - FIELD[0]) * form[3]) * (0.6 + 0.4 * from_middle_rc**2)
    np.copyto(drops.column_hw[box], middle[1] + view_rc * across_1c, where=drawn_rc)
    np.copyto(drops.row_hw[box], middle[0] + view_rc * down_r1, where=drawn_rc)
    np.copyto(drops.shade_hw[box], 1 - 0.45 * np.minimum(from_middle_rc, 1) ** 4, where=drawn_rc)
    glint_rc = 80 * np.exp(-((down_r1 + 0.45) ** 2 + (across_1c + 0.7 * form[4] - 0.35) ** 2) / 0.03)
    np.copyto(drops.glint_hw[box], glint_rc, where=drawn_rc)
    inside_rc = np.clip((1.05 - from_middle_rc) / 0.25, 0, 1)
    drops.alpha_hw[box] = np.maximum(drops.alpha_hw[box], 0.97 * inside_rc**2 * (3 - 2 * inside_rc))
