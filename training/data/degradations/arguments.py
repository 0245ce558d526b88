"""The arguments of every degradation, and their check.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Map = NDArray[np.float32]


def check(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> None:
    """Raise ValueError that names an argument of another type, shape or range; severity is from 0 to 1."""
    _check_arrays(image_HW3, depth_HW)
    if not 0 <= severity <= 1:
        raise ValueError(f"severity: expected a number from 0 to 1, found {severity}")
    _check_seed(seed)


def check_level(image_HW3: Image, depth_HW: Map, severity: float, seed: int, most: int) -> None:
    """As `check`, for a severity of the whole numbers 0..`most`."""
    _check_arrays(image_HW3, depth_HW)
    if severity not in range(most + 1):
        raise ValueError(f"severity: expected a whole number from 0 to {most}, found {severity}")
    _check_seed(seed)


def check_image(image_HW3: Image, name: str) -> None:
    """Raise ValueError that says `name` for anything but a uint8 RGB image."""
    if not isinstance(image_HW3, np.ndarray) or image_HW3.dtype != np.uint8:
        raise ValueError(f"{name}: expected a uint8 array, found {getattr(image_HW3, 'dtype', type(image_HW3))}")
    if image_HW3.ndim != 3 or image_HW3.shape[2] != 3 or image_HW3.size == 0:
        raise ValueError(f"{name}: expected the shape [H, W, 3], not empty, found {list(image_HW3.shape)}")


def _check_arrays(image_HW3: Image, depth_HW: Map) -> None:
    check_image(image_HW3, "image")
    if not isinstance(depth_HW, np.ndarray) or depth_HW.dtype != np.float32:
        raise ValueError(f"depth: expected a float32 array, found {getattr(depth_HW, 'dtype', type(depth_HW))}")
    if depth_HW.shape != image_HW3.shape[:2]:
        raise ValueError(f"depth: its shape {list(depth_HW.shape)} is not the image's {list(image_HW3.shape[:2])}")
    if not (depth_HW.min() > 0 and np.isfinite(depth_HW.max())):
        raise ValueError("depth: every value must be finite and above 0 metres; use SKY_DEPTH for the sky")


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: expected an integer of 0 or more, found {seed!r}")
