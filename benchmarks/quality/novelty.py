"""Measures how well the gate `novelty` tells streets from other frames."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from benchmarks.quality.pixels import to_bytes
from weather_perception.core.contract import Image

SIZE = (360, 640)


def strange_frames(number: int = 3) -> dict[str, list[Image]]:
    """Frames that are no street, `number` of each kind: black, noise, textures, and plain rooms."""
    kinds = {"black": _black, "noise": _noise, "texture": _texture, "room": _room}
    return {kind: [make(default_rng(seed)) for seed in range(number)] for kind, make in kinds.items()}


def auroc(ordinary: Sequence[float], strange: Sequence[float]) -> float:
    """Probability that a strange frame scores above an ordinary one, ties half: the area under the ROC curve."""
    above_SO = np.asarray(strange)[:, None] - np.asarray(ordinary)[None, :]
    return float((above_SO > 0).mean() + 0.5 * (above_SO == 0).mean())


def _black(rng: Generator) -> Image:
    return np.full((*SIZE, 3), rng.integers(0, 4), np.uint8)


def _noise(rng: Generator) -> Image:
    return rng.integers(0, 256, (*SIZE, 3), np.uint8)


def _texture(rng: Generator) -> Image:
    """Smooth noise of several sizes with a random tint over the whole frame, as of stone, cloth or carpet."""
    plane_HW = np.zeros(SIZE, np.float32)
    for step in (2, 4, 8, 16):
        cells_hw = rng.normal(0, 1, (-(-SIZE[0] // step), -(-SIZE[1] // step))).astype(np.float32)
        plane_HW += np.asarray(cv2.resize(cells_hw, SIZE[::-1], interpolation=cv2.INTER_CUBIC))
    return to_bytes(rng.uniform(60, 190, 3) + rng.uniform(8, 25) * plane_HW[:, :, None])


def _room(rng: Generator) -> Image:
    """A plain room: floor, ceiling, three walls and furniture, in flat colours with a little noise."""
    height, width = SIZE
    image_HW3 = np.empty((*SIZE, 3), np.uint8)
    image_HW3[:] = rng.integers(120, 230, 3)
    left, right = (int(width * share) for share in (rng.uniform(0.15, 0.35), rng.uniform(0.65, 0.85)))
    top, bottom = (int(height * share) for share in (rng.uniform(0.1, 0.3), rng.uniform(0.6, 0.8)))
    corners = {
        "ceiling": [(0, 0), (width, 0), (right, top), (left, top)],
        "floor": [(0, height), (width, height), (right, bottom), (left, bottom)],
        "left": [(0, 0), (left, top), (left, bottom), (0, height)],
        "right": [(width, 0), (right, top), (right, bottom), (width, height)],
    }
    for points in corners.values():
        cv2.fillPoly(image_HW3, [np.array(points, np.int32)], rng.integers(60, 240, 3).tolist())
    for _ in range(6):
        x, y = int(rng.integers(0, width - 80)), int(rng.integers(height // 4, height - 60))
        size = (x + int(rng.integers(30, 200)), y + int(rng.integers(30, 160)))
        cv2.rectangle(image_HW3, (x, y), size, rng.integers(20, 220, 3).tolist(), -1)
    return to_bytes(image_HW3 + rng.normal(0, 3, (*SIZE, 3)))
