"""Values as the bytes of an image."""

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image


def to_bytes(values: NDArray[np.floating]) -> Image:
    """Rounded and clipped to 0..255, uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
