"""Drops on a lens or a windscreen, in or out of focus, that refract the scene behind them.

Drops are soft, so half size suffices to draw them. Shape suffixes: H rows, W columns, h and w half of them, N drops,
P points of an outline, 3 colours (RGB).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import mixed
from training.data.degradations.smooth import resized

LENS_ONSET = 0.02
"""Severity below which drops fade in from nothing."""

OUTLINE_POINTS = 18


class DropStyle(NamedTuple):
    """A kind of drops; lengths in pixels of an image of 360 rows.

    most: number at severity 1 on a view of 16:9; radii: smallest and largest; defocus: standard deviation of the blur;
    glint: its brightness, 0..255; rim: its darkness, 0..1.
    """

    most: int
    radii: tuple[float, float]
    defocus: float
    glint: float
    rim: float


def lens_drops(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Drops on the lens, uint8 [H, W, 3]: few and large to many and small, sharp or out of focus, by the seed.

    image_HW3 uint8 RGB, depth_HW float32 metres (changes nothing), severity 0 (none) to 1, seed any integer >= 0: the
    drops of a lower severity stay at a higher one. Each shows a wide, reversed view of the scene, dark towards the rim.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    largest = rng.uniform(14, 46)
    style = DropStyle(
        most=round(25 * 8 ** rng.uniform(0, 1) * (24 / largest)),
        radii=(rng.uniform(2.5, 6), largest),
        defocus=0.8 * 6 ** rng.uniform(0, 1),
        glint=rng.uniform(0, 70),
        rim=rng.uniform(0.15, 0.5),
    )
    return add_drops(rng, image_HW3, severity, style)


def add_drops(rng: Generator, image_HW3: Image, severity: float, style: DropStyle) -> Image:
    """The image through drops of a style, uint8 [H, W, 3]; their number grows with severity (0..1)."""
    half = ((image_HW3.shape[1] + 1) // 2, (image_HW3.shape[0] + 1) // 2)
    half_hw3 = np.asarray(cv2.resize(image_HW3, half, interpolation=cv2.INTER_AREA), np.uint8)
    scale = 0.5 * float(np.clip(image_HW3.shape[0] / 360, 1.0, 4.0))
    drop_hw4 = _drawn(rng, half_hw3.shape, severity, style, scale)
    radius_hw = drop_hw4[:, :, 2]
    inside_hw = (radius_hw > 0).astype(np.float32)
    per_radius_hw = inside_hw / np.maximum(radius_hw, np.float32(0.5))
    column_1w = np.arange(half[0], dtype=np.float32)[None, :]
    row_h1 = np.arange(half[1], dtype=np.float32)[:, None]
    across_hw = (column_1w - drop_hw4[:, :, 0]) * per_radius_hw
    down_hw = (row_h1 - drop_hw4[:, :, 1]) * per_radius_hw
    out2_hw = across_hw**2 + down_hw**2
    view_hw = radius_hw * drop_hw4[:, :, 3] * (np.float32(0.6) + np.float32(0.4) * out2_hw)
    # Outside, the soft rim of a drop shows the scene as it is.
    x_hw = np.where(inside_hw > 0, drop_hw4[:, :, 0] - view_hw * across_hw, column_1w)
    y_hw = np.where(inside_hw > 0, drop_hw4[:, :, 1] - view_hw * down_hw, row_h1)
    soft_hw3 = cv2.GaussianBlur(half_hw3, (0, 0), 0.9 * max(1.0, 2 * scale))
    seen_hw3 = cv2.remap(soft_hw3, x_hw, y_hw, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    shade_hw = 1 - np.float32(style.rim) * np.minimum(out2_hw, 1) ** 2 * inside_hw
    seen_hw3 = cv2.multiply(seen_hw3, cv2.merge([shade_hw] * 3), dtype=cv2.CV_8U)
    glint_hw = cv2.exp((across_hw**2 + (down_hw + np.float32(0.45)) ** 2) * np.float32(-14)) * inside_hw
    seen_hw3 = cv2.add(seen_hw3, cv2.merge([(glint_hw * np.float32(style.glint)).astype(np.uint8)] * 3))
    # Out of focus, a drop and its view are one blur: the blurred picture over the blurred outline.
    sigma = max(0.6, style.defocus * scale)
    alpha_hw = np.asarray(cv2.GaussianBlur(inside_hw, (0, 0), sigma), np.float32)
    alpha_hw *= np.float32(0.97 * min(1.0, severity / LENS_ONSET))
    if sigma > 1:
        seen_hw3 = cv2.GaussianBlur(seen_hw3, (0, 0), 0.7 * sigma)
    size = (image_HW3.shape[1], image_HW3.shape[0])
    seen_HW3 = cv2.resize(seen_hw3, size, interpolation=cv2.INTER_LINEAR)
    return mixed(image_HW3, np.asarray(seen_HW3, np.uint8), resized(alpha_hw, image_HW3.shape))


def _drawn(rng: Generator, shape: tuple[int, ...], severity: float, style: DropStyle, scale: float) -> Map:
    """Column and row of the middle, radius and field of view of the drop at each pixel, float32 [h, w, 4], or 0."""
    height, width = shape[:2]
    most = max(1, round(style.most * height * width / (180 * 320 * (2 * scale) ** 2)))
    count = max(1, round(most * severity))
    low, high = style.radii
    radius_N = scale * (low + (high - low) * rng.uniform(0, 1, most) ** 3)
    middle_N2 = rng.uniform(0, (width, height), (most, 2))
    form_N5 = rng.uniform(0, 1, (most, 5))
    angle_P = np.arange(OUTLINE_POINTS) * (2 * np.pi / OUTLINE_POINTS)
    wobble_NP = 1 + 0.15 * form_N5[:, :1] * np.cos(2 * angle_P + 6.28 * form_N5[:, 1:2])
    wobble_NP += 0.1 * np.cos(3 * angle_P + 6.28 * form_N5[:, 2:3])
    length_NP = radius_N[:, None] * wobble_NP
    x_NP = middle_N2[:, :1] + length_NP * np.cos(angle_P)
    y_NP = middle_N2[:, 1:] + length_NP * np.sin(angle_P) * (1 + 0.4 * form_N5[:, 3:4])
    outline_NP2 = np.rint(8 * np.stack([x_NP, y_NP], axis=2)).astype(np.int32)
    drop_hw4 = np.zeros((height, width, 4), np.float32)
    for outline_P2, middle, radius, form in zip(
        outline_NP2[:count], middle_N2.tolist(), radius_N.tolist(), form_N5.tolist(), strict=False
    ):
        cv2.fillPoly(drop_hw4, [outline_P2], (*middle, radius, 3 + 5 * form[4]), shift=3)
    return drop_hw4
