"""Reads images, and label maps in the codes of the data sets."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from training.data.classes import VOID
from weather_perception.core.pictures import read_label_values

Pixels = NDArray[np.uint8]

OUT_OF_RANGE = -1


def image_size(path: Path) -> tuple[int, int]:
    """Rows and columns of an image, from its header alone. Raises ValueError for an unreadable file."""
    with _open(path) as image:
        return image.height, image.width


def label_code(ids: Mapping[int, int] | int, void: tuple[int, ...] = (VOID,)) -> NDArray[np.int16]:
    """A table [256] from the values in a label file to class ids, VOID or OUT_OF_RANGE.

    `ids` maps values to ids; a number n keeps 0..n-1 as they are. The values in `void` become VOID.
    """
    table = np.full(256, OUT_OF_RANGE, np.int16)
    for value, index in (ids if isinstance(ids, Mapping) else {index: index for index in range(ids)}).items():
        table[value] = index
    table[list(void)] = VOID
    return table


def read_labels(path: Path, code: NDArray[np.int16]) -> Pixels:
    """Class ids of a label file, uint8 [H, W], VOID where unlabelled; `code` is a table of `label_code`.

    Palette images give their indices. Raises ValueError for an unreadable file, more than one channel, or a value
    outside the code.
    """
    values_HW = read_label_values(path)
    labels_HW = code[values_HW]
    if labels_HW.min() == OUT_OF_RANGE:
        first = values_HW[labels_HW == OUT_OF_RANGE][0]
        raise ValueError(f"{path}: label {first} is out of range; this set has {_ranges(code)}")
    return labels_HW.astype(np.uint8)


def check_same_size(image_HW3: Pixels, other: Pixels, image_path: Path, other_path: Path) -> None:
    """Raises ValueError unless the two have the same rows and columns."""
    if image_HW3.shape[:2] != other.shape[:2]:
        raise ValueError(f"{image_path}: its size {image_HW3.shape[:2]} differs from {other.shape[:2]} of {other_path}")


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path}: not a readable image; copy the file again") from error


def _ranges(code: NDArray[np.int16]) -> str:
    """The values of a code as text: 0..18, 255."""
    values = np.flatnonzero(code != OUT_OF_RANGE)
    runs = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
