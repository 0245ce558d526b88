"""Procedural street scenes as a clip: picture, class map and metric depth of a seeded drive at any time."""

import math

import cv2
import numpy as np

from training.data.classes import CLASS_ID
from training.data.sample import SKY_DEPTH, Sample
from training.data.scenes.brush import SUBPIXEL_BITS, Brush
from training.data.scenes.camera import NEAR_M, Camera, camera_at, intrinsics
from training.data.scenes.figures import FIGURES
from training.data.scenes.noise import Array
from training.data.scenes.raycast import Raycaster
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


UNSEEN_SEEDS_FROM = 1_000_000
"""No model trains on drives with this seed or a higher one: they are for demonstrations and evaluation."""

MIN_SIDE = 64


class Drive:
    """A seeded drive down an endless street; renders any moment of it.

    The same seed, size and time always give the same sample, and neighbouring times show the same street from
    neighbouring places. Height and width in pixels, at least 64 each; seed non-negative; else ValueError.
    """

    def __init__(self, seed: int, height: int = 360, width: int = 640):
        if height < MIN_SIDE or width < MIN_SIDE:
            raise ValueError(f"Drive: size {height}x{width} is too small; give at least {MIN_SIDE}x{MIN_SIDE} pixels")
        if seed < 0:
            raise ValueError(f"Drive: seed {seed} is negative; give a seed of 0 or more")
        self.seed = seed
        self.height = height
        self.width = width
        self._world = World(seed)
        self._raycaster = Raycaster(self._world)
        self._sprites = SpritePainter(self._world)

    @property
    def intrinsics(self) -> tuple[float, float, float]:
        """Focal length and principal point (u, v), in pixels."""
        return intrinsics(self.height, self.width)

    @property
    def speed_mps(self) -> float:
        """The camera's speed along the street, in metres a second."""
        return self._world.speed_mps

    def render(self, time_s: float) -> Sample:
        """The frame at `time_s` seconds into the drive (any finite time, else ValueError), as a Sample."""
        if not math.isfinite(time_s):
            raise ValueError(f"Drive.render: time {time_s} is not finite; give seconds into the drive")
        world = self._world
        camera = camera_at(time_s, self.height, self.width, world.speed_mps, world.section.own_lane_m, self.seed)
        layers = self._raycaster.render(camera, time_s)
        self._raycaster.haze(layers)
        # gamma 2 instead of the sRGB curve: a square root is fast and close to it
        image_3HW = (np.sqrt(np.clip(layers.colour_3HW, 0.0, 1.0)) * 255.0 + 0.5).astype(np.uint8)
        image_HW3 = np.ascontiguousarray(image_3HW.transpose(1, 2, 0))
        self._sprites.paint(image_HW3, layers.labels_HW, layers.depth_HW, camera, time_s)
        layers.depth_HW[layers.labels_HW == CLASS_ID["sky"]] = SKY_DEPTH
        return Sample(image_HW3, layers.labels_HW, layers.depth_HW)
