"""Draws a data set's contact sheet: one row a frame, with its image, its labels in colour and its clear partner."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import VOID
from training.data.readers.class_names import voc_colour
from training.data.readers.sets import Pair
from training.data.sample import Sample
from weather_perception.core.contract import SemanticClass

Pixels = NDArray[np.uint8]

TILE = (180, 320)
CAPTION_ROWS = 18
INK, PAPER = (20, 20, 20), 255


def palette(classes: Sequence[SemanticClass]) -> Pixels:
    """Colours by class id, uint8 [256, 3] RGB; ids without a class have VOC's colours, void is black."""
    colours = np.array([voc_colour(index) for index in range(256)], np.uint8)
    if classes:
        colours[: len(classes)] = [semantic_class.color for semantic_class in classes]
    colours[VOID] = 0
    return colours


def contact_sheet(items: Sequence[Sample | Pair], names: Sequence[str], classes: Sequence[SemanticClass]) -> Pixels:
    """The sheet, uint8 [H, W, 3] RGB: captions over rows of tiles; pictures keep their aspect within TILE."""
    colours = palette(classes)
    rows = [_row(item, name, colours) for item, name in zip(items, names, strict=True)]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER) for row in rows]
    return np.concatenate(padded)


def _row(item: Sample | Pair, name: str, colours: Pixels) -> Pixels:
    tiles = [_tile(item.image_HW3 if isinstance(item, Sample) else item.degraded_HW3, cv2.INTER_AREA)]
    if item.labels_HW is not None:
        # A mean of two classes' colours would show a third class.
        tiles.append(_tile(colours[item.labels_HW], cv2.INTER_NEAREST))
    if isinstance(item, Pair):
        tiles.append(_tile(item.clear_HW3, cv2.INTER_AREA))
    tiles_HW3 = np.concatenate(tiles, axis=1)
    caption = np.full((CAPTION_ROWS, tiles_HW3.shape[1], 3), PAPER, np.uint8)
    cv2.putText(caption, name, (4, CAPTION_ROWS - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return np.concatenate([caption, tiles_HW3])


def _tile(picture_HW3: Pixels, interpolation: int) -> Pixels:
    factor = min(TILE[0] / picture_HW3.shape[0], TILE[1] / picture_HW3.shape[1])
    rows, columns = (max(1, round(length * factor)) for length in picture_HW3.shape[:2])
    tile = np.full((*TILE, 3), PAPER, np.uint8)
    tile[:rows, :columns] = cv2.resize(picture_HW3, (columns, rows), interpolation=interpolation)
    return tile
