"""A clear frame with its labels and depth, and a plausible depth for frames without a measured one.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, VOID

SKY_DEPTH = 1000.0
"""Depth of the sky in metres: far enough to vanish in any fog, finite to keep arithmetic simple."""


Sides = tuple[tuple[int, int], ...]
"""Pairs of class ids, the left and the right of a thing: a mirrored frame shows each in the place of the other."""


class Sample(NamedTuple):
    """A clear frame: `image_HW3` uint8 RGB, `labels_HW` uint8 (VOID where unlabelled), `depth_HW` float32 metres.

    `sides` are the classes of its labels that change places in a mirror.
    """

    image_HW3: NDArray[np.uint8]
    labels_HW: NDArray[np.uint8]
    depth_HW: NDArray[np.float32]
    sides: Sides = ()


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


STRUCTURES = ("building", "tree", "fence", "pole", "sign")
OBJECTS = ("car", "pedestrian", "bicyclist")


def assumed_depth(labels_HW: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A plausible depth from labels alone, float32 [H, W] metres.

    The prior of `ground_plane_depth`, except that structures and objects are upright planes at their foot on the
    ground, and the sky is at SKY_DEPTH. Soft outlines keep weather over this depth from tracing the labels.
    """
    height, width = labels_HW.shape
    ground_HW = ground_plane_depth(height, width)
    structures_HW = np.isin(labels_HW, [CLASS_ID[name] for name in STRUCTURES])
    # Void in the upper half is part of a structure; below, it is a kerb or the bonnet.
    unnamed_above_HW = (labels_HW == VOID) & (np.arange(height)[:, None] < 0.5 * height)
    depth_HW = np.where(structures_HW | unnamed_above_HW, _foot_depth(structures_HW, ground_HW), ground_HW)
    for name in OBJECTS:
        _stand_upright(depth_HW, (labels_HW == CLASS_ID[name]).astype(np.uint8), ground_HW)
    sky_HW = labels_HW == CLASS_ID["sky"]
    depth_HW[sky_HW] = SKY_DEPTH
    depth_HW = 1 / cv2.GaussianBlur(1 / depth_HW, (0, 0), height / 180)
    depth_HW[sky_HW] = SKY_DEPTH
    return np.asarray(depth_HW, np.float32)


def _foot_depth(mask_HW: NDArray[np.bool_], ground_HW: NDArray[np.float32]) -> NDArray[np.float32]:
    """Depth of the ground at the lowest pixel of the mask in each column, float32 [1, W], smoothed along the row.

    A column without mask takes the top row: the distance of walls and facade.
    """
    height, width = mask_HW.shape
    foot_W = np.where(mask_HW.any(axis=0), height - 1 - mask_HW[::-1].argmax(axis=0), 0)
    inverse_1W = 1 / ground_HW[foot_W, np.arange(width)][None, :]
    return np.asarray(1 / cv2.blur(inverse_1W, (1 + width // 12, 1)), np.float32)


def _stand_upright(depth_HW: NDArray[np.float32], mask_HW: NDArray[np.uint8], ground_HW: NDArray[np.float32]) -> None:
    """Set each connected part of the mask, in place, to the depth of the ground under its lowest pixel."""
    count, parts_HW, boxes_P5, centres_P2 = cv2.connectedComponentsWithStats(mask_HW)
    for part in range(1, count):
        left, top, width, height, _ = boxes_P5[part]
        box = np.s_[top : top + height, left : left + width]
        depth_HW[box][parts_HW[box] == part] = ground_HW[top + height - 1, int(centres_P2[part, 0])]
