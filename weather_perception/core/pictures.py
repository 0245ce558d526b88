"""Reads picture files and label maps, by the same rules for replay and for training."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from weather_perception.core.compressed import decode
from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def is_picture(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether a name is that of a picture. A leading dot marks the notes of other systems, such as ._1.png by 1.png."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts paths by name with frame2 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def read_image(path: Path, upright: bool = False) -> Image:
    """An image as uint8 [H, W, 3] RGB. Raises ValueError for an unreadable file.

    Ignores a photograph's orientation tag, because labels and partners belong to the pixels as stored; `upright`
    follows it, as viewers do.
    """
    try:
        return decode(path.read_bytes(), upright)
    except (OSError, FrameError) as error:
        raise ValueError(f"{path}: not a readable image ({error}); copy the file again") from error


def read_label_values(path: Path) -> NDArray[np.uint8]:
    """The values of a label file, uint8 [H, W]; palette images give their indices.

    Raises ValueError for an unreadable file, or more than one channel.
    """
    try:
        with Picture.open(path) as picture:
            if picture.mode not in ("L", "P", "1"):
                raise ValueError(f"{path}: expected one channel of class ids, found {picture.mode} pixels")
            return np.array(picture, np.uint8)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a readable image; copy the file again") from error
    except OSError as error:
        kind = "a truncated image" if error.errno is None else "not a readable image"
        raise ValueError(f"{path}: {kind} ({error}); copy the file again") from error
