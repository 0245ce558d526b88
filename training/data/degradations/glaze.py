"""Smooth layers over a picture, stacked at a quarter of its size and applied to it at once.

Shape suffixes: H rows, W columns, h and w those of a grid QUARTER times coarser, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from training.data.degradations.arguments import Image, Map
from training.data.degradations.smooth import resized

QUARTER = 4


def quarter(image_HW3: Image) -> Image:
    """The image at a quarter of its size, rounded up, uint8 [h, w, 3]."""
    return np.asarray(cv2.resize(image_HW3, _size(image_HW3), interpolation=cv2.INTER_AREA), np.uint8)


def quarter_depth(depth_HW: Map) -> Map:
    """The depth at a quarter of its size, rounded up, float32 [h, w]; nearest, so no depth is between two objects."""
    return np.array(cv2.resize(depth_HW, _size(depth_HW), interpolation=cv2.INTER_NEAREST), np.float32)


def brightness(image_HW3: Image) -> Map:
    """The image in grey, float32 [H, W] 0..1."""
    grey_HW: Map = np.asarray(cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY), np.float32)
    return grey_HW * np.float32(1 / 255)


class Glaze:
    """Layers to lay over a picture: each pixel becomes `keep_hw` of itself plus `added_hw3` (0..255), float32."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """No layer yet, for a picture whose quarter has the rows and columns of `shape`."""
        self.keep_hw = np.ones(shape[:2], np.float32)
        self.added_hw3 = np.zeros((*shape[:2], 3), np.float32)

    def lay(self, alpha_hw: Map | float, colour: ArrayLike) -> None:
        """Lay `colour`, RGB 0..255 or a picture [h, w, 3], over the layers so far, with opacity `alpha_hw` (0..1)."""
        alpha_hw = np.broadcast_to(np.asarray(alpha_hw, np.float32), self.keep_hw.shape)
        self.keep_hw *= 1 - alpha_hw
        self.added_hw3 += alpha_hw[:, :, None] * (np.asarray(colour, np.float32) - self.added_hw3)

    def dim(self, share_hw: Map | float) -> None:
        """Darken picture and layers to `share_hw` (0..1) of themselves."""
        self.keep_hw *= np.asarray(share_hw, np.float32)
        self.added_hw3 *= np.asarray(share_hw, np.float32)[..., None]

    def over(self, image_HW3: Image) -> Image:
        """The image under the layers, uint8 [H, W, 3]."""
        other_hw = 1 - self.keep_hw
        # blendLinear takes shares that sum to 1, so the layers' light becomes a colour times its share.
        colour_hw3 = np.asarray(self.added_hw3 / np.maximum(other_hw, 1e-3)[:, :, None], np.float32)
        size = (image_HW3.shape[1], image_HW3.shape[0])
        colour_HW3 = cv2.resize(to_bytes(colour_hw3), size, interpolation=cv2.INTER_LINEAR)
        return mixed(image_HW3, np.asarray(colour_HW3, np.uint8), resized(other_hw, image_HW3.shape))


def _size(picture: Image | Map) -> tuple[int, int]:
    """Width and height of a quarter."""
    return -(-picture.shape[1] // QUARTER), -(-picture.shape[0] // QUARTER)


def mixed(image_HW3: Image, other_HW3: Image, weight_HW: Map) -> Image:
    """The other image's share `weight_HW` (float32 0..1) over the image, uint8 [H, W, 3]."""
    return np.asarray(cv2.blendLinear(image_HW3, other_HW3, 1 - weight_HW, weight_HW), np.uint8)


def painted(image_HW3: Image, colour: ArrayLike, weight_HW: Map) -> Image:
    """One colour's share `weight_HW` (float32 0..1) over the image, uint8 [H, W, 3]; colour RGB, clipped to 0..255."""
    height, width = image_HW3.shape[:2]
    plain_HW3 = np.empty_like(image_HW3)
    plain_HW3.reshape(height, -1)[:] = np.tile(np.clip(colour, 0, 255).astype(np.uint8), width)
    return mixed(image_HW3, plain_HW3, weight_HW)


def to_bytes(values_HW3: Map) -> Image:
    """Rounded and clipped to 0..255, uint8; changes its argument."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(values_HW3, 0, out=values_HW3)), np.uint8)
