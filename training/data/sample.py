"""A clear frame with its labels and depth, and the prior depth of frames without one.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SKY_DEPTH = 1000.0
"""Depth of the sky in metres: far enough to vanish in any fog, finite to keep arithmetic simple."""


class Sample(NamedTuple):
    """A clear frame: `image_HW3` uint8 RGB, `labels_HW` uint8 (VOID where unlabelled), `depth_HW` float32 metres."""

    image_HW3: NDArray[np.uint8]
    labels_HW: NDArray[np.uint8]
    depth_HW: NDArray[np.float32]


def ground_plane_depth(
    height: int,
    width: int,
    camera_height: float = 1.5,
    horizon: float = 0.45,
    focal: float = 1.1,
    street_half_width: float = 9.0,
    facade_distance: float = 60.0,
) -> NDArray[np.float32]:
    """Depth of an empty street canyon, float32 [H, W] metres, for images without depth.

    A flat ground `camera_height` metres below the camera (horizon at the row `horizon` * height), a wall at
    `street_half_width` metres on either side, and a facade across the street at `facade_distance` metres. The facade
    also bounds the depth above the horizon: infinite depth would paint buildings and trees the colour of fog. A smooth
    minimum joins the three, so fog shows no crease. `focal` is in image heights.
    Raises ValueError for an empty image, a horizon outside 0..1 or a length that is not positive.
    """
    lengths = (camera_height, focal, street_half_width, facade_distance)
    if height < 1 or width < 1 or not 0 <= horizon <= 1 or not all(0 < length <= SKY_DEPTH for length in lengths):
        raise ValueError(
            f"ground_plane_depth: needs a non-empty image, horizon in 0..1 and lengths in 0..{SKY_DEPTH:g}; "
            f"got {height}x{width}, {horizon} and (camera_height, focal, street_half_width, facade_distance) {lengths}"
        )
    row_H1 = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    column_1W = (np.arange(width, dtype=np.float32)[None, :] + 0.5 - width / 2) / height
    inverse_ground_H1 = np.maximum(row_H1 - horizon, 0) / (focal * camera_height)
    inverse_wall_1W = np.abs(column_1W) / (focal * street_half_width)
    inverse_HW = (inverse_ground_H1**4 + inverse_wall_1W**4 + facade_distance**-4) ** 0.25
    return (1 / inverse_HW).astype(np.float32)
