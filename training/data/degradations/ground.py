"""Finds the flat ground in a depth map, and the row of its horizon.

On a flat ground, inverse depth grows linearly with the row below the horizon, in every crop and at every size.
Shape suffixes: H rows, W columns, h and w those of a grid COARSE times coarser.
"""

from typing import NamedTuple

import cv2
import numpy as np

from training.data.degradations.arguments import Map
from training.data.degradations.smooth import guided, resized

CAMERA_HEIGHT_M = 1.5
"""Assumed, to tell the focal length from the ground's slope."""

COARSE = 8
SLOPES = (0.12, 1.6)
"""Plausible growth of inverse depth, in 1/m for each image height: 1 / (focal length in image heights x camera height
in metres)."""

HORIZON, SLOPE = 0.42, 0.6
"""Horizon (share of the height) and growth that are assumed if the depth shows no ground."""


class FoundGround(NamedTuple):
    """The ground plane seen in a depth map.

    `horizon` is its row as a share of the height (may be outside 0..1), `slope` the growth of inverse depth for one
    image height, and `like_hw` (float32 0..1, COARSE times coarser than the depth) how well each place fits the plane.
    """

    horizon: float
    slope: float
    like_hw: Map

    def along_edges_of(self, grey_hw: Map) -> Map:
        """`like_hw` at the size of a picture's brightness (0..1), moved to the picture's edges."""
        return np.clip(guided(resized(self.like_hw, grey_hw.shape), grey_hw, 2, 0.1), 0, 1)


def find_ground(depth_HW: Map) -> FoundGround:
    """The ground under the camera, from depth in metres; `like_hw` is 0 if too little of the map fits one plane."""
    height, width = (max(1, -(-side // COARSE)) for side in depth_HW.shape)
    inverse_hw = 1 / np.asarray(cv2.resize(depth_HW, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)
    row_h1 = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    if height < 4:
        return FoundGround(HORIZON, SLOPE, np.zeros((height, width), np.float32))
    step_hw = (inverse_hw[2:] - inverse_hw[:-2]) * np.float32(height / 2)
    bend_hw = np.abs(inverse_hw[2:] - 2 * inverse_hw[1:-1] + inverse_hw[:-2]) * np.float32(height)
    plausible_hw = (step_hw > SLOPES[0]) & (step_hw < SLOPES[1]) & (bend_hw < 0.35 * step_hw)
    plausible_hw[: height // 3] = False
    if plausible_hw.mean() < 0.03:
        return FoundGround(HORIZON, SLOPE, np.zeros((height, width), np.float32))
    slope = float(np.median(step_hw[plausible_hw]))
    horizon = float(np.median((row_h1 - inverse_hw / slope)[1:-1][plausible_hw]))
    expected_h1 = np.maximum(slope * (row_h1 - horizon), 0)
    off_hw = (inverse_hw - expected_h1) / (0.12 * expected_h1 + 0.006)
    like_hw = np.exp(-(off_hw**2)) * (expected_h1 > 0.008)
    return FoundGround(horizon, slope, np.asarray(cv2.blur(like_hw.astype(np.float32), (3, 3)), np.float32))
