"""Draws the street's objects, far to near, over a ray-cast picture."""

import cv2
import numpy as np

from training.data.scenes.brush import SUBPIXEL_BITS, Brush
from training.data.scenes.camera import NEAR_M, Camera
from training.data.scenes.figures import FIGURES
from training.data.scenes.noise import Array
from training.data.scenes.textures import Textures
from training.data.scenes.world import Thing, World


class SpritePainter:
    """Paints the fixed and moving objects in a drive's street."""

    def __init__(self, world: World):
        self.world = world
        self.textures = Textures(world)
        self.ambient, self.sun = world.light.ambient_3.tolist(), world.light.sun_3.tolist()
        self.haze = (world.light.horizon_3**2).tolist()

    def paint(self, image_HW3: Array, labels_HW: Array, depth_HW: Array, camera: Camera, time_s: float) -> None:
        """Draw over the three planes in place."""
        self.image_HW3, self._labels_HW, self._depth_HW = image_HW3, labels_HW, depth_HW
        self.camera = camera
        for thing in self.world.things(time_s, camera.z):
            if self._in_view(thing):
                brush = Brush(self, thing, time_s)
                FIGURES[thing.kind](brush)
                brush.finish()

    def _in_view(self, thing: Thing) -> bool:
        """Whether any part can be in the picture; the longest things extend 7 m ahead and 4 m aside."""
        farthest = thing.z + 7.0 - self.camera.z
        if farthest <= NEAR_M:
            return False
        offset = abs(thing.x - self.camera.x) - 4.0
        return (
            offset / farthest
            < (0.5 * self.camera.width + abs(self.camera.centre_u - 0.5 * self.camera.width)) / self.camera.focal
        )

    def claim(self, u0: int, v0: int, solid_HW: Array, label: int, depth: Array | float) -> None:
        """Set label and depth (metres; one, or one a column) of the True pixels of a mask at (u0, v0)."""
        window = slice(v0, v0 + solid_HW.shape[0]), slice(u0, u0 + solid_HW.shape[1])
        self._labels_HW[window][solid_HW] = label
        np.copyto(self._depth_HW[window], depth, where=solid_HW, casting="same_kind")

    def darken(self, rim_N2: Array, strength: float) -> None:
        """Darken the picture inside a polygon of pixels, softly towards its rim."""
        reach = int((rim_N2[:, 1].max() - rim_N2[:, 1].min()) * 0.3) + 1
        low = np.floor(rim_N2.min(axis=0)).astype(int) - (2 * reach, reach)
        high = np.ceil(rim_N2.max(axis=0)).astype(int) + (2 * reach + 1, reach + 1)
        u0, v0 = np.maximum(low, 0)
        u1, v1 = min(high[0], self.camera.width), min(high[1], self.camera.height)
        if u0 >= u1 or v0 >= v1:
            return
        mask = np.zeros((v1 - v0, u1 - u0), np.uint8)
        points = np.round((rim_N2 - (u0, v0)) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        mask = cv2.blur(mask, (4 * reach + 1, 2 * reach + 1), borderType=cv2.BORDER_REPLICATE)
        target = self.image_HW3[v0:v1, u0:u1]
        target[...] = target * (1.0 - mask[..., None] * np.float32(strength / 255.0))
