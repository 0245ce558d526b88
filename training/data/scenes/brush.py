"""Paints the parts of one object, polygons and billboards with soft edges, with their label and depth."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import cv2
import numpy as np

from training.data.classes import CLASS_ID
from training.data.scenes.camera import CAMERA_HEIGHT_M, NEAR_M, Camera
from training.data.scenes.noise import Array
from training.data.scenes.textures import Textures
from training.data.scenes.world import Thing, World

SUBPIXEL_BITS = 4
CIRCLE = [(math.cos(turn * math.pi / 8), math.sin(turn * math.pi / 8)) for turn in range(16)]
CLASS_OF_KIND = {
    "tree": "tree", "pole": "pole", "sign": "sign", "railing": "fence", "car": "car", "pedestrian": "pedestrian",
    "bicyclist": "bicyclist",
}  # fmt: skip


Albedo = Sequence[float] | Array
Points = Iterable[Sequence[float]]
DARK = (0.0, 0.0, 0.0)


class Canvas(Protocol):
    """The picture under a brush, its camera and its light (linear RGB)."""

    world: World
    textures: Textures
    camera: Camera
    image_HW3: Array
    ambient: list[float]
    sun: list[float]
    haze: list[float]

    def claim(self, u0: int, v0: int, solid_HW: Array, label: int, depth: Array | float) -> None:
        """Set label and depth (metres; one, or one a column) of the True pixels of a mask at (u0, v0)."""

    def darken(self, rim_N2: Array, strength: float) -> None:
        """Darken the picture inside a polygon of pixels, softly towards its rim."""


class Brush:
    """Paints the parts of one object; their common outline becomes its label and depth."""

    def __init__(self, canvas: Canvas, thing: Thing, time_s: float):
        self.thing = thing
        self.time_s = time_s
        self.camera: Camera = canvas.camera
        self.textures = canvas.textures
        self.light = canvas.world.light
        self.depth = max(thing.z - self.camera.z, NEAR_M)
        self.pixels_per_metre = self.camera.focal / self.depth
        self._canvas = canvas
        self._outline: list[Array] = []
        self._plane: tuple[float, float] | None = None
        self._clear = math.exp(-self.depth / self.light.haze_m)

    def colour(self, albedo: Albedo, lit: float = 0.5, glow: Albedo = DARK) -> tuple[float, float, float]:
        """Display colour (0..255) of an albedo (linear RGB) in this light and at this distance."""
        light, clear = self._canvas, self._clear
        shown = [0.0, 0.0, 0.0]
        for channel in range(3):
            linear = albedo[channel] * (light.ambient[channel] + lit * light.sun[channel]) + glow[channel]
            linear = clear * linear + (1.0 - clear) * light.haze[channel]
            shown[channel] = 255.0 * math.sqrt(min(linear, 1.0))
        return shown[0], shown[1], shown[2]

    def polygon(self, points_N3: Points, albedo: Albedo, lit: float = 0.5, glow: Albedo = DARK) -> None:
        """A filled polygon of street points (x, y, z in metres)."""
        camera = self.camera
        points = []
        for x, y, z in points_N3:
            scale = camera.focal / max(z - camera.z, NEAR_M)
            points.append((camera.centre_u + scale * (x - camera.x), camera.horizon_v - scale * (y - CAMERA_HEIGHT_M)))
        self.flat(points, self.colour(albedo, lit, glow))

    def flat(self, points_N2: Sequence[tuple[float, float]], colour: tuple[float, float, float]) -> None:
        """A filled polygon of pixels in a display colour."""
        u_N, v_N = zip(*points_N2, strict=True)
        if max(u_N) < -2.0 or max(v_N) < -2.0 or min(u_N) > self.camera.width + 1 or min(v_N) > self.camera.height + 1:
            return
        far, unit = float(1 << 22), float(1 << SUBPIXEL_BITS)
        fixed = [(int(max(min(u * unit, far), -far)), int(max(min(v * unit, far), -far))) for u, v in points_N2]
        points = np.array(fixed, np.int32)
        cv2.fillPoly(self._canvas.image_HW3, [points], colour, cv2.LINE_AA, SUBPIXEL_BITS)
        self._outline.append(points)

    def stand_along(self, x: float, z_far: float) -> None:
        """Let the depth follow a plane along the street at x, from the thing's own z to z_far."""
        self._plane = (x - self.camera.x, z_far - self.camera.z)

    def _depth_of(self, u0: int, u1: int) -> Array | float:
        """Depth of the thing in each picture column, in metres."""
        if self._plane is None:
            return self.depth
        offset, far = self._plane
        slope_W = (np.arange(u0, u1, dtype=np.float32) - self.camera.centre_u) / self.camera.focal
        # a column that points away from the plane, or too steeply, meets the near end
        reached_W = np.where(slope_W * offset > 0.0, offset / np.where(slope_W == 0.0, 1.0, slope_W), self.depth)
        return np.clip(reached_W, self.depth, max(far, self.depth))

    def finish(self, kind: str | None = None) -> None:
        """Give all paint since the last call the class of `kind` (default: the thing's own)."""
        if not self._outline:
            return
        points = np.concatenate(self._outline)
        u0, v0 = np.maximum((points.min(axis=0) >> SUBPIXEL_BITS) - 1, 0)
        u1, v1 = np.minimum((points.max(axis=0) >> SUBPIXEL_BITS) + 3, (self.camera.width, self.camera.height))
        if u0 < u1 and v0 < v1:
            mask = np.zeros((v1 - v0, u1 - u0), np.uint8)
            origin = np.array([u0, v0], np.int32) << SUBPIXEL_BITS
            for outline in self._outline:
                cv2.fillPoly(mask, [outline - origin], 255, cv2.LINE_AA, SUBPIXEL_BITS)
            self._canvas.claim(
                u0, v0, mask > 127, CLASS_ID[CLASS_OF_KIND[kind or self.thing.kind]], self._depth_of(u0, u1)
            )
        self._outline = []

    def ellipse(
        self,
        x: float,
        y: float,
        z: float,
        radius_x: float,
        radius_y: float,
        albedo: Albedo,
        lit: float = 0.5,
        glow: Albedo = DARK,
    ) -> None:
        """A filled upright ellipse that faces the camera, centred at a street point, radii in metres."""
        rim = CIRCLE if radius_y * self.pixels_per_metre > 6.0 else CIRCLE[::2]
        self.polygon([(x + radius_x * c, y + radius_y * s, z) for c, s in rim], albedo, lit, glow)

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        albedo: Albedo,
        lit: float = 0.5,
        end_width: float | None = None,
    ) -> None:
        """A straight limb between two points in the thing's plane, `width` metres thick, tapering to `end_width`."""
        (x0, y0), (x1, y1) = start, end
        length = max(math.hypot(x1 - x0, y1 - y0), 1e-6)
        across, up = (y0 - y1) / length, (x1 - x0) / length
        a, b = 0.5 * width, 0.5 * (width if end_width is None else end_width)
        z = self.thing.z
        self.polygon(
            [(x0 - a * across, y0 - a * up, z), (x0 + a * across, y0 + a * up, z)]
            + [(x1 + b * across, y1 + b * up, z), (x1 - b * across, y1 - b * up, z)],
            albedo,
            lit,
        )

    def billboard(
        self, levels: list[Array], x: float, y: float, z: float, width: float, height: float, lit: float = 0.5
    ) -> None:
        """An upright texture at a street point (x, y of its lower middle), in metres."""
        corner = self.camera.project(np.array([[x - 0.5 * width, y + height, z], [x + 0.5 * width, y, z]]))
        (left, top), (right, bottom) = corner
        u0, v0 = max(int(left), 0), max(int(top), 0)
        u1, v1 = min(int(right) + 2, self.camera.width), min(int(bottom) + 2, self.camera.height)
        if u0 >= u1 or v0 >= v1:
            return
        wanted = max(right - left, bottom - top)
        texture = next((level for level in reversed(levels) if level.shape[0] >= wanted), levels[0])
        scale_u, scale_v = texture.shape[1] / (right - left), texture.shape[0] / (bottom - top)
        matrix = np.array(
            [[scale_u, 0, (u0 + 0.5 - left) * scale_u - 0.5], [0, scale_v, (v0 + 0.5 - top) * scale_v - 0.5]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patch = cv2.warpAffine(texture, matrix, (u1 - u0, v1 - v0), flags=flags)
        # the texture holds linear albedo times alpha, so light and haze are one product and one sum
        veil = 1.0 - np.exp(-self.depth / self.light.haze_m)
        gain = (1.0 - veil) * (self.light.ambient_3 + lit * self.light.sun_3)
        alpha = patch[..., 3:]
        linear = patch[..., :3] * gain + alpha * (veil * self.light.horizon_3**2)
        colour = np.sqrt(np.clip(linear / np.maximum(alpha, 1e-3), 0.0, 1.0)) * 255.0
        target = self._canvas.image_HW3[v0:v1, u0:u1]
        target[...] = target + alpha * (colour - target) + np.float32(0.5)
        self._canvas.claim(u0, v0, alpha[..., 0] > 0.5, CLASS_ID[CLASS_OF_KIND[self.thing.kind]], self.depth)

    def shadow(self, x: float, z: float, half_x: float, half_z: float, strength: float = 0.5) -> None:
        """A soft dark ellipse on the ground; it changes the picture, not the labels."""
        if z - half_z < self.camera.z + NEAR_M or self.pixels_per_metre < 8.0:
            return
        rim = np.array([(x + half_x * c, 0.0, z + half_z * s) for c, s in CIRCLE])
        self._canvas.darken(self.camera.project(rim), strength)
