"""Draws the street's objects, far to near, over a ray-cast picture: polygons and billboards with soft edges."""

import cv2
import numpy as np

from training.data.classes import CLASS_ID
from training.data.scene_camera import NEAR_M, Camera
from training.data.scene_figures import FIGURES
from training.data.scene_textures import Textures
from training.data.scene_world import Thing, World

SUBPIXEL_BITS = 4
CLASS_OF_KIND = {
    "tree": "tree", "pole": "pole", "sign": "sign", "railing": "fence", "car": "car", "pedestrian": "pedestrian",
    "bicyclist": "bicyclist",
}  # fmt: skip


class Brush:
    """Paints the parts of one object; their common outline becomes its label and depth."""

    def __init__(self, picture: "SpritePainter", thing: Thing, time_s: float):
        self.thing = thing
        self.time_s = time_s
        self.camera: Camera = picture.camera
        self.textures = picture.textures
        self.light = picture.world.light
        self.depth = max(thing.z - self.camera.z, NEAR_M)
        self._picture = picture

    @property
    def pixels_per_metre(self) -> float:
        return self.camera.focal / self.depth

    def colour(self, albedo, lit: float = 0.5, glow: float = 0.0) -> tuple[float, float, float]:
        """Display colour (0..255) of an albedo (linear RGB) in this light and at this distance."""
        light = self.light
        linear = np.asarray(albedo) * (light.ambient_3 + lit * light.sun_3) + glow
        veil = 1.0 - np.exp(-self.depth / light.haze_m)
        linear = linear + veil * (light.horizon_3**2 - linear)
        red, green, blue = np.sqrt(np.clip(linear, 0.0, 1.0)) * 255.0
        return float(red), float(green), float(blue)

    def polygon(self, points_N3, albedo, lit: float = 0.5, glow: float = 0.0, label: str | None = None) -> None:
        """A filled polygon of street points (x, y, z in metres)."""
        self.flat(self.camera.project(np.asarray(points_N3, np.float64)), self.colour(albedo, lit, glow), label)

    def flat(self, points_N2, colour, label: str | None = None) -> None:
        """A filled polygon of pixels in a display colour."""
        picture = self._picture
        low = np.floor(points_N2.min(axis=0)).astype(int) - 2
        high = np.ceil(points_N2.max(axis=0)).astype(int) + 3
        u0, v0 = np.maximum(low, 0)
        u1, v1 = min(high[0], self.camera.width), min(high[1], self.camera.height)
        if u0 >= u1 or v0 >= v1:
            return
        points = np.clip((points_N2 - (u0, v0)) * (1 << SUBPIXEL_BITS), -(1 << 24), 1 << 24)
        points = np.round(points).astype(np.int32)
        mask = np.zeros((v1 - v0, u1 - u0), np.uint8)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        picture.blend(u0, v0, mask, colour, CLASS_ID[label or CLASS_OF_KIND[self.thing.kind]], self.depth)

    def ellipse(self, x: float, y: float, z: float, radius_x: float, radius_y: float, albedo, lit=0.5, glow=0.0) -> None:
        """A filled upright ellipse facing the camera, centred at a street point, radii in metres."""
        angle = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
        points = np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle), np.full(20, z)], axis=1)
        self.polygon(points, albedo, lit, glow)

    def limb(self, start, end, width: float, albedo, lit: float = 0.5, end_width: float | None = None) -> None:
        """A straight limb between two street points, `width` metres thick, tapering to `end_width`."""
        ends = self.camera.project(np.array([start, end], np.float64))
        along = ends[1] - ends[0]
        normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * 0.5 * self.pixels_per_metre
        wide, thin = width * normal, (width if end_width is None else end_width) * normal
        self.flat(np.array([ends[0] - wide, ends[0] + wide, ends[1] + thin, ends[1] - thin]), self.colour(albedo, lit))

    def billboard(self, levels, x: float, y: float, z: float, width: float, height: float, lit: float = 0.5) -> None:
        """A texture standing upright at a street point (x, y of its lower middle), in metres."""
        corner = self.camera.project(np.array([[x - 0.5 * width, y + height, z], [x + 0.5 * width, y, z]]))
        (left, top), (right, bottom) = corner
        u0, v0 = max(int(left), 0), max(int(top), 0)
        u1, v1 = min(int(right) + 2, self.camera.width), min(int(bottom) + 2, self.camera.height)
        if u0 >= u1 or v0 >= v1:
            return
        wanted = max(right - left, bottom - top)
        texture = next((level for level in reversed(levels) if level.shape[0] >= wanted), levels[0])
        scale_u, scale_v = texture.shape[1] / (right - left), texture.shape[0] / (bottom - top)
        matrix = np.float64(
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
        self._picture.blend(u0, v0, alpha[..., 0] * 255.0, colour, CLASS_ID[CLASS_OF_KIND[self.thing.kind]], self.depth)

    def shadow(self, x: float, z: float, half_x: float, half_z: float, strength: float = 0.5) -> None:
        """A soft dark ellipse on the ground; it changes the picture but not what the ground is."""
        angle = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
        rim = np.stack([x + half_x * np.cos(angle), np.zeros(20), z + half_z * np.sin(angle)], axis=1)
        rim = self.camera.project(rim[rim[:, 2] > self.camera.z + NEAR_M]) if z > self.camera.z + NEAR_M + half_z else None
        if rim is not None:
            self._picture.darken(rim, strength)


class SpritePainter:
    """Paints everything that stands or moves in a drive's street."""

    def __init__(self, world: World):
        self.world = world
        self.textures = Textures(world)

    def paint(self, image_HW3, labels_HW, depth_HW, camera: Camera, time_s: float) -> None:
        """Draw over the three planes in place."""
        self._image_HW3, self._labels_HW, self._depth_HW = image_HW3, labels_HW, depth_HW
        self.camera = camera
        for thing in self.world.things(time_s, camera.z):
            FIGURES[thing.kind](Brush(self, thing, time_s))

    def blend(self, u0: int, v0: int, alpha_HW, colour, label: int, depth: float) -> None:
        """Blend a colour (one, or one a pixel; 0..255) with alpha 0..255 at (u0, v0); set label and depth where it is solid."""
        window = slice(v0, v0 + alpha_HW.shape[0]), slice(u0, u0 + alpha_HW.shape[1])
        target = self._image_HW3[window]
        alpha_HW1 = alpha_HW[..., None] * np.float32(1.0 / 255.0)
        target[...] = target + alpha_HW1 * (np.asarray(colour, np.float32) - target) + np.float32(0.5)
        solid = alpha_HW > 127
        self._labels_HW[window][solid] = label
        self._depth_HW[window][solid] = depth

    def darken(self, rim_N2, strength: float) -> None:
        """Darken the picture inside a polygon of pixels, softly towards its rim."""
        low = np.floor(rim_N2.min(axis=0)).astype(int) - 3
        high = np.ceil(rim_N2.max(axis=0)).astype(int) + 4
        u0, v0 = np.maximum(low, 0)
        u1, v1 = min(high[0], self.camera.width), min(high[1], self.camera.height)
        if u0 >= u1 or v0 >= v1:
            return
        mask = np.zeros((v1 - v0, u1 - u0), np.uint8)
        points = np.round((rim_N2 - (u0, v0)) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        reach = max(int((rim_N2[:, 1].max() - rim_N2[:, 1].min()) * 0.3), 1)
        mask = cv2.blur(mask, (2 * reach + 1, reach | 1))
        target = self._image_HW3[v0:v1, u0:u1]
        target[...] = target * (1.0 - mask[..., None] * np.float32(strength / 255.0))
