"""Procedural street scenes as a clip: picture, class map and metric depth of a seeded drive at any time."""

import math

import numpy as np

from training.data.classes import CLASS_ID
from training.data.sample import SKY_DEPTH, Sample
from training.data.scenes.camera import camera_at, intrinsics
from training.data.scenes.raycast import Raycaster
from training.data.scenes.sprites import SpritePainter
from training.data.scenes.world import World

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
