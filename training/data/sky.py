"""Finds the sky in a day frame that has neither labels nor measured depth of it.

Shape suffixes: H rows, W columns, h and w those of a small view, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, VOID
from training.data.sample import SKY_DEPTH, Sample

COLUMNS = 128
"""Of the small view in which the sky is looked for."""

LOWEST = 0.62
"""Share of the height below which nothing is sky."""

STEEPEST, WARMEST, SMALLEST = 45, 25, 0.004
"""Most levels of a step within the sky, most that its red may exceed its blue, and its least share of the view."""


MOST_LABELLED = 0.02
"""Share of a part that looks like sky from which other labels on it prove that it is a wall."""


def with_sky(sample: Sample) -> Sample:
    """The sample with the sky's label and SKY_DEPTH wherever `sky_like` sees a sky and no label says otherwise.

    A part with labels of other classes on more than MOST_LABELLED of it is a wall.
    """
    sky_HW = _without_walls(sky_like(sample.image_HW3), sample.labels_HW) & (sample.labels_HW == VOID)
    return sample._replace(
        labels_HW=np.where(sky_HW, np.uint8(CLASS_ID["sky"]), sample.labels_HW),
        depth_HW=np.where(sky_HW, np.float32(SKY_DEPTH), sample.depth_HW),
    )


def _without_walls(sky_HW: NDArray[np.bool_], labels_HW: NDArray[np.uint8]) -> NDArray[np.bool_]:
    other_HW = (labels_HW != VOID) & (labels_HW != CLASS_ID["sky"])
    count, parts_HW = cv2.connectedComponents(sky_HW.astype(np.uint8))
    labelled_P = np.bincount(parts_HW[other_HW], minlength=count) / np.bincount(parts_HW.reshape(-1), minlength=count)
    labelled_P[0] = 1  # part 0 is the rest
    return (labelled_P <= MOST_LABELLED)[parts_HW]


def sky_like(image_HW3: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Bright parts that are not warm and have no steep edge, from the top of the frame down, bool [H, W].

    image_HW3 uint8 RGB. Brightness is that of blue, the channel in which skies differ most from walls and trees; Otsu's
    threshold in the upper part of the frame separates them. White walls against a white sky may pass for it.
    """
    height, width = image_HW3.shape[:2]
    rows = max(8, round(COLUMNS * height / width))
    small_hw3 = cv2.resize(image_HW3, (COLUMNS, rows), interpolation=cv2.INTER_AREA)
    red_hw, green_hw, blue_hw = (np.asarray(channel, np.int16) for channel in cv2.split(small_hw3))
    blue_bytes_hw = np.ascontiguousarray(small_hw3[:, :, 2])
    upper = int(LOWEST * rows)
    threshold, _ = cv2.threshold(blue_bytes_hw[:upper], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright_hw = (blue_hw > max(threshold, 70)) & (blue_hw > red_hw - WARMEST) & (blue_hw > green_hw - WARMEST - 5)
    bright_hw[upper:] = False
    step_hw = cv2.morphologyEx(cv2.blur(blue_bytes_hw, (2, 2)), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    calm_hw = (bright_hw & (np.asarray(step_hw) < STEEPEST)).astype(np.uint8)
    calm_hw = np.asarray(cv2.morphologyEx(calm_hw, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    _, parts_hw, boxes_P5, _ = cv2.connectedComponentsWithStats(calm_hw, connectivity=4)
    at_top_P = (boxes_P5[:, cv2.CC_STAT_TOP] <= 0.08 * rows) & (boxes_P5[:, cv2.CC_STAT_AREA] > SMALLEST * calm_hw.size)
    at_top_P[0] = False  # part 0 is the rest
    sky_hw = at_top_P[parts_hw].astype(np.uint8)
    # Wires cross the sky, and the steps at its border keep a margin from it.
    sky_hw = np.asarray(cv2.morphologyEx(sky_hw, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)), np.uint8)
    sky_hw |= np.asarray(cv2.dilate(sky_hw, np.ones((5, 5), np.uint8)), np.uint8) & bright_hw
    return np.asarray(cv2.resize(sky_hw.astype(np.float32), (width, height)), np.float32) > 0.5
