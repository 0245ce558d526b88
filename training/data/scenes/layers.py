"""The picture while it is being made: linear colours, labels and depth, and how surfaces are laid over it."""

from dataclasses import dataclass

import numpy as np

from training.data.scenes.camera import CAMERA_HEIGHT_M, Camera
from training.data.scenes.noise import Array


@dataclass
class Layers:
    """The picture while it is being made: `colour_3HW` linear, `labels_HW` uint8, `depth_HW` metres."""

    colour_3HW: Array
    labels_HW: Array
    depth_HW: Array

    def paint(
        self, rows: slice, columns: Array | slice, coverage_HW: Array, colour_3HW: Array, label: int, depth_W: Array
    ) -> None:
        """Blend a surface over some rows and columns; it takes the pixels' labels and depth where it covers half."""
        target = self.colour_3HW[:, rows, columns]
        target += coverage_HW * (colour_3HW - target)
        self.colour_3HW[:, rows, columns] = target
        mask = coverage_HW > 0.5
        for plane, value in ((self.labels_HW, np.uint8(label)), (self.depth_HW, depth_W)):
            plane[rows, columns] = np.where(mask, value, plane[rows, columns])


def vertical_span(camera: Camera, low_m: float, high_m: float, nearest_m: float) -> tuple[slice, Array]:
    """The picture rows, as a slice and as numbers, that hold heights low_m to high_m at nearest_m or beyond."""
    scale = camera.focal / max(nearest_m, 0.5)
    top = int(np.clip(camera.horizon_v - scale * max(high_m - CAMERA_HEIGHT_M, 0.0) - 2.0, 0, camera.height))
    bottom = int(np.clip(camera.horizon_v + scale * (CAMERA_HEIGHT_M - low_m) + 2.0, 0, camera.height))
    return slice(top, bottom), np.arange(top, bottom, dtype=np.float32)[:, None]
