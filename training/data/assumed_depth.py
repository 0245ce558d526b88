"""A plausible depth for labelled street frames without a measured one."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, VOID
from training.data.sample import SKY_DEPTH, ground_plane_depth

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
