"""Measures of one picture that need no ground truth: edges, contrast, noise, clipping.

None of them is a grade, and each is fooled in its own way. The libraries of learned measures, pyiqa and piq, need
torchvision, which replaces an installed PyTorch; these need OpenCV, which is loaded with the first picture. Shape
suffixes: H rows, W columns, 3 colours (RGB).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image

Plane = NDArray[np.uint8]

WIDTH = 640
"""Wider pictures are measured at this width, so that figures of different cameras can be compared."""
VISIBLE_CONTRAST = 0.05
"""The contrast from which a person sees an edge: the threshold of meteorological visibility (CIE 1987)."""
LEAST_STEP = 3
"""Grey levels; smaller steps are quantisation, whatever their contrast."""


def measures(luma_HW: Plane) -> dict[str, float]:
    """The `edges`, `contrast` and `clipped` of a picture's `luma`, all 0..1, and its `noise` in grey levels."""
    return {
        "edges": visible_edges(luma_HW),
        "contrast": contrast(luma_HW),
        "noise": noise_levels(luma_HW),
        "clipped": clipped(luma_HW),
    }


def visible_edges(luma_HW: Plane) -> float:
    """The share of pixels whose 3x3 neighbourhood has a Michelson contrast of VISIBLE_CONTRAST or more, 0..1.

    After the visible edges of Hautière et al. (Image Analysis & Stereology 2008), which compare a restored image with
    its original by them; theirs are found by segmentation, ours by the neighbourhood alone.
    """
    cv2 = _opencv()
    smooth_HW, around = cv2.GaussianBlur(luma_HW, (3, 3), 0), np.ones((3, 3), np.uint8)
    high_HW, low_HW = cv2.dilate(smooth_HW, around), cv2.erode(smooth_HW, around)
    return float(cv2.countNonZero(cv2.compare(high_HW, cv2.LUT(low_HW, _JUST_INVISIBLE), cv2.CMP_GT))) / luma_HW.size


def _just_invisible() -> Plane:
    """For each darker level the highest brighter one that makes no visible edge with it, uint8 [256]."""
    low = np.arange(256)
    by_contrast = np.ceil(low * (1 + VISIBLE_CONTRAST) / (1 - VISIBLE_CONTRAST)) - 1
    return np.minimum(np.maximum(by_contrast, low + LEAST_STEP - 1), 255).astype(np.uint8)


_JUST_INVISIBLE = _just_invisible()
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def noise_levels(luma_HW: Plane) -> float:
    """The standard deviation of the noise, grey levels: Immerkær's mask (CVIU 1996), by the median.

    His mean takes edges for noise; the median of absolute values, over that of a normal distribution, does not.
    """
    response_HW = np.abs(_opencv().filter2D(luma_HW, _opencv().CV_16S, _NOISE_KERNEL))
    # Of a quarter of the pixels: the median is the slow part.
    return float(np.median(response_HW[::2, ::2])) / (6 * 0.6745)


def contrast(luma_HW: Plane) -> float:
    """The standard deviation of the luma as a share of full scale, 0..0.5."""
    return float(_opencv().meanStdDev(luma_HW)[1].item()) / 255


def clipped(luma_HW: Plane) -> float:
    """The share of pixels that are fully black or fully white, 0..1."""
    return float(((luma_HW == 0) | (luma_HW == 255)).mean())


def luma(image_HW3: Image) -> Plane:
    """The grey of a picture, uint8 [H, W], at most WIDTH wide."""
    cv2 = _opencv()
    return at_most(cv2.cvtColor(np.ascontiguousarray(image_HW3), cv2.COLOR_RGB2GRAY), WIDTH)


def at_most(plane_HW: Plane, width: int) -> Plane:
    """The plane, scaled down to `width` if it is wider."""
    height, found = plane_HW.shape
    return plane_HW if found <= width else resized(plane_HW, (max(1, round(height * width / found)), width))


def resized(plane_HW: Plane, size: tuple[int, ...], smooth: bool = True) -> Plane:
    """The plane at another size (rows, columns): smoothed, or with the values of its nearest pixels."""
    cv2 = _opencv()
    interpolation = cv2.INTER_AREA if smooth else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(plane_HW, size[::-1], interpolation=interpolation))


def _opencv() -> Any:
    import cv2

    return cv2
