"""Dense depth from sparse lidar returns: edge-aware interpolation of inverse depth, and the sky between the beams.

Shape suffixes: N planes, H rows, W columns, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.sample import SKY_DEPTH

Map = NDArray[np.float32]

REACH, CONTRAST, ROUNDS = 60.0, 0.25, 3
"""The filter's deviation along a row or column in pixels, the contrast (0..1) that halts it, and its rounds."""

NEAREST_WEIGHT = 1e-6
"""Weight of the nearest return at a pixel without one: it counts only if no return is on this side of the edges."""

HORIZON = 0.45
"""Row of the horizon as a share of the height, for level cameras; the sky is above it."""

GAP = (0.055, 0.012)
"""Half the gap between the upper beams, as shares of height and width: the sky has no return within it."""


GLARE = 225
"""Level of red from which a pixel that is not bluish may be sky, near a low sun."""

SKY_SHARE = 0.3
"""Least sum of empty gaps, in sums of returns, that makes a sky: returns from wires would otherwise spread in it."""


def complete_depth(depth_HW: Map, image_HW3: NDArray[np.uint8]) -> Map:
    """Depth of every pixel, float32 [H, W] metres, from measured depth that is 0 if unknown; returns stay as they are.

    Elsewhere, inverse depth is a mean of the returns around, weighted by the distance and the contrast between. A pixel
    above the horizon that enough bluish or glaring gaps between the beams reach in this way is sky, at SKY_DEPTH.
    Raises ValueError for a depth without any return.
    """
    known_HW = depth_HW > 0
    if not known_HW.any():
        raise ValueError("complete_depth: the depth has no measured pixel; leave this frame out")
    inverse_HW = np.where(known_HW, 1 / np.maximum(depth_HW, 1e-3), 0).astype(np.float32)
    weight_HW = np.where(known_HW, 1, NEAREST_WEIGHT).astype(np.float32)
    inverse_HW = np.where(known_HW, inverse_HW, _nearest(inverse_HW, known_HW))
    # Walls above the highest beam return nothing either, but few are as blue as a sky or as bright as its sun.
    lit_HW = (image_HW3[:, :, 2] >= image_HW3[:, :, 0]) | (image_HW3[:, :, 0] >= GLARE)
    empty_HW = _between_beams(known_HW) & lit_HW
    planes_3HW = np.stack([weight_HW * inverse_HW, weight_HW, empty_HW.astype(np.float32)])
    summed_HW, total_HW, sky_HW = edge_aware_sums(planes_3HW, image_HW3)
    dense_HW = np.where(known_HW, depth_HW, np.minimum(total_HW / summed_HW, SKY_DEPTH))
    above_H1 = np.arange(len(depth_HW))[:, None] < HORIZON * len(depth_HW)
    dense_HW[~known_HW & above_H1 & (sky_HW > SKY_SHARE * total_HW)] = SKY_DEPTH
    return dense_HW.astype(np.float32)


def without_holes(depth_HW: Map, solid_HW: NDArray[np.bool_]) -> Map:
    """The depth with that of the nearest thing wherever something solid was taken for the sky, float32 [H, W].

    solid_HW, bool: pixels that are known not to be sky, such as glaring windows and the tops of poles.
    """
    near_HW = depth_HW < SKY_DEPTH / 2
    if not near_HW.any():
        return depth_HW
    return np.where(solid_HW & ~near_HW, _nearest(depth_HW, near_HW), depth_HW)


def edge_aware_sums(planes_NHW: Map, image_HW3: NDArray[np.uint8]) -> Map:
    """Each plane smoothed along the image's surfaces but not across its edges, float32 [N, H, W].

    The recursive filter over the domain transform (Gastal and Oliveira, SIGGRAPH 2011, section 5 and equations 11, 14
    and 21).
    """
    scaled_HW3 = image_HW3.astype(np.float32) / 255
    steps_HW = 1 + REACH / CONTRAST * np.abs(np.diff(scaled_HW3, axis=1, prepend=scaled_HW3[:, :1])).sum(axis=2)
    steps_WH = 1 + REACH / CONTRAST * np.abs(np.diff(scaled_HW3, axis=0, prepend=scaled_HW3[:1])).sum(axis=2).T
    # The loop runs along the first axis: rows and columns take turns there.
    down_HNW = np.ascontiguousarray(planes_NHW.transpose(1, 0, 2), np.float32)
    for number in range(1, ROUNDS + 1):
        deviation = REACH * 3**0.5 * 2 ** (ROUNDS - number) / (4**ROUNDS - 1) ** 0.5
        rate = -(2**0.5) / deviation
        across_WNH = np.ascontiguousarray(down_HNW.transpose(2, 1, 0))
        _sweep(across_WNH, np.exp(rate * np.ascontiguousarray(steps_HW.T)))
        down_HNW = np.ascontiguousarray(across_WNH.transpose(2, 1, 0))
        _sweep(down_HNW, np.exp(rate * np.ascontiguousarray(steps_WH.T)))
    return np.ascontiguousarray(down_HNW.transpose(1, 0, 2))


def _sweep(lines_LNK: Map, feedback_LK: Map) -> None:
    """Both passes of equation 21 along the first axis, in place; `feedback_LK` is that from a line to the next one."""
    for line in range(1, len(lines_LNK)):
        lines_LNK[line] += feedback_LK[line] * (lines_LNK[line - 1] - lines_LNK[line])
    for line in range(len(lines_LNK) - 2, -1, -1):
        lines_LNK[line] += feedback_LK[line + 1] * (lines_LNK[line + 1] - lines_LNK[line])


def _nearest(values_HW: Map, known_HW: NDArray[np.bool_]) -> Map:
    """The value of the nearest known pixel, float32 [H, W]."""
    unknown_HW = (~known_HW).astype(np.uint8)
    _, numbers_HW = cv2.distanceTransformWithLabels(unknown_HW, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    by_number = np.zeros(int(numbers_HW.max()) + 1, np.float32)
    by_number[numbers_HW[known_HW]] = values_HW[known_HW]
    return by_number[numbers_HW]


def _between_beams(known_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels above the horizon that beams pass on both sides without a return."""
    height, width = known_HW.shape
    rows, columns = (max(1, round(share * side)) for share, side in zip(GAP, (height, width), strict=True))
    around_HW = cv2.dilate(known_HW.astype(np.uint8), np.ones((2 * rows + 1, 2 * columns + 1), np.uint8))
    empty_HW = np.asarray(around_HW == 0)
    highest = int(known_HW.any(axis=1).argmax())
    empty_HW[: max(0, highest - rows)] = False  # above the highest beam nothing would return from a wall either
    empty_HW[round(HORIZON * height) :] = False
    return empty_HW
