"""The camera of a procedural drive: its motion, how it projects the street, and the layers of its picture."""

from dataclasses import dataclass

import numpy as np

from training.data.scenes.noise import Array

CAMERA_HEIGHT_M = 1.5
FOCAL_IN_HEIGHTS = 1.25
NEAR_M = 0.6


@dataclass(frozen=True)
class Camera:
    """A pinhole along the street. Turning is small and drawn to first order: a shift of the picture.

    Picture coordinates are pixels with (0, 0) in the centre of the top left pixel; (`centre_u`, `horizon_v`) is the
    street's vanishing point at this time.
    """

    height: int
    width: int
    focal: float
    centre_u: float
    horizon_v: float
    x: float
    z: float

    def project(self, points_N3: np.ndarray) -> np.ndarray:
        """Street points (x, y, z in metres) to pixels, float64 [N, 2]; points behind move to NEAR_M in front."""
        depth_N = np.maximum(points_N3[:, 2] - self.z, NEAR_M)
        u_N = self.centre_u + self.focal * (points_N3[:, 0] - self.x) / depth_N
        v_N = self.horizon_v - self.focal * (points_N3[:, 1] - CAMERA_HEIGHT_M) / depth_N
        return np.stack([u_N, v_N], axis=1)

    def vertical_span(self, low_m: float, high_m: float, nearest_m: float) -> tuple[slice, Array]:
        """The picture rows, as a slice and as float32 [N, 1], of heights low_m to high_m at nearest_m or beyond."""
        scale = self.focal / max(nearest_m, 0.5)
        top = int(np.clip(self.horizon_v - scale * max(high_m - CAMERA_HEIGHT_M, 0.0) - 2.0, 0, self.height))
        bottom = int(np.clip(self.horizon_v + scale * (CAMERA_HEIGHT_M - low_m) + 2.0, 0, self.height))
        return slice(top, bottom), np.arange(top, bottom, dtype=np.float32)[:, None]


@dataclass
class Layers:
    """An unfinished picture: `colour_3HW` linear, `labels_HW` uint8, `depth_HW` metres."""

    colour_3HW: Array
    labels_HW: Array
    depth_HW: Array

    def paint(
        self, rows: slice, columns: Array | slice, coverage_HW: Array, colour_3HW: Array, label: int, depth_W: Array
    ) -> None:
        """Blend a surface over some rows and columns; pixels it covers by half take its label and depth."""
        target = self.colour_3HW[:, rows, columns]
        target += coverage_HW * (colour_3HW - target)
        self.colour_3HW[:, rows, columns] = target
        mask = coverage_HW > 0.5
        for plane, value in ((self.labels_HW, np.uint8(label)), (self.depth_HW, depth_W)):
            plane[rows, columns] = np.where(mask, value, plane[rows, columns])


def intrinsics(height: int, width: int) -> tuple[float, float, float]:
    """Focal length and principal point (u, v) in pixels of every picture of this size."""
    return FOCAL_IN_HEIGHTS * height, (width - 1) / 2.0, 0.47 * (height - 1)


def camera_at(time_s: float, height: int, width: int, speed_mps: float, lane_x: float, seed: int) -> Camera:
    """The camera of the drive `seed` at a time: steady speed, slow sway in the lane, a little pitch and yaw."""
    focal, principal_u, principal_v = intrinsics(height, width)
    phase = seed % 97
    sway = 0.22 * np.sin(0.41 * time_s + phase)
    yaw = 0.018 * np.sin(0.31 * time_s + 1.3 * phase)
    pitch = 0.006 * np.sin(1.7 * time_s + phase) + 0.003 * np.sin(5.3 * time_s)
    return Camera(
        height,
        width,
        focal,
        centre_u=float(principal_u - focal * yaw),
        horizon_v=float(principal_v - focal * pitch),
        x=float(lane_x + sway),
        z=float(speed_mps * time_s),
    )
