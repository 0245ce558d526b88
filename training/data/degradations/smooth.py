"""Smooth fields that weather is drawn from: noise of several scales, and maps that follow a picture's edges.

Shape suffixes: H rows, W columns, h and w those of a coarser grid, 3 colours (RGB).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from training.data.degradations.arguments import Map

BANKS = ((2, 3), (5, 6), (11, 11))
"""Grid rows and columns of the scales of `octaves`, from large banks to wisps."""


def resized(field: Map, shape: tuple[int, ...]) -> Map:
    """A map [h, w] or picture [h, w, 3] at the rows and columns of `shape`, float32, bilinear."""
    return np.asarray(cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def octaves(rng: Generator, shape: tuple[int, ...], grids: Sequence[tuple[int, int]] = BANKS) -> Map:
    """Noise of several scales, float32 of the rows and columns of `shape`, about -1..1; finer scales are weaker.

    It is drawn on a small canvas: the result is smooth, and depends on the size of the picture only by enlargement.
    """
    canvas_hw = np.zeros((36, 64), np.float32)
    for octave, grid in enumerate(grids):
        noise = rng.uniform(-1, 1, grid).astype(np.float32)
        canvas_hw += cv2.resize(noise, (64, 36), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    return np.asarray(cv2.resize(canvas_hw, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def guided(field_hw: Map, guide_hw: Map, radius: int, tolerance: float) -> Map:
    """The guided filter (He, Sun, Tang, 2013, eq. 5 to 8): `field_hw` smoothed, with its edges moved to the guide's.

    float32 [h, w]; the guide is 0..1; steps of the guide below `tolerance` count as texture, and are smoothed over.
    """
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values_hw: Map) -> Map:
        return np.asarray(cv2.blur(values_hw, window, borderType=cv2.BORDER_REFLECT), np.float32)

    guide_mean_hw, field_mean_hw = mean(guide_hw), mean(field_hw)
    covariance_hw = mean(guide_hw * field_hw) - guide_mean_hw * field_mean_hw
    slope_hw = covariance_hw / (mean(guide_hw * guide_hw) - guide_mean_hw**2 + np.float32(tolerance**2))
    return mean(slope_hw) * guide_hw + mean(field_mean_hw - slope_hw * guide_mean_hw)


def along_edges(mask_hw: Map, guide_hw: Map) -> Map:
    """A mask (float32 [h, w] 0..1) moved to the guide's edges: `guided`, but steeper, so no fringe is left."""
    return np.clip(1.6 * guided(mask_hw, guide_hw, 4, 0.04) - np.float32(0.3), 0, 1)
