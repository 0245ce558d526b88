"""Flicker: what changes between consecutive frames at pixels where the clear scene does not.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.conditions import CLEAR, MIDDLE, WEATHERS
from benchmarks.quality.judge import Model
from training.data.degradations import degrade
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from weather_perception.core.contract import Image

SEED = UNSEEN_SEEDS_FROM + 77
RATE_HZ = 10.0
STATIC_LEVELS = 2
"""Largest change of a static pixel of the clear scene; its class stays, too."""

STEADY = ("fog", "night", "raindrops")
"""Degradations with one seed for a clip; drops and flakes that fall are new in every frame."""


def clip(frames: int) -> list[Sample]:
    """Consecutive frames of a drive that no training sees."""
    drive = Drive(SEED)
    return [drive.render(3.0 + index / RATE_HZ) for index in range(frames)]


def flicker(samples: Sequence[Sample], model: Model, base: Model | None) -> list[dict[str, Any]]:
    """For each weather at the middle severity: mean change in levels and share of changed labels at static pixels."""
    return [_of_weather(name, samples, model, base) for name in (CLEAR, *WEATHERS)]


def static_pixels(before: Sample, after: Sample) -> NDArray[np.bool_]:
    """Pixels whose clear colour and class stay from one sample to the next, bool [H, W]."""
    difference_HW = _difference(before.image_HW3, after.image_HW3).max(axis=2)
    return (difference_HW <= STATIC_LEVELS) & (before.labels_HW == after.labels_HW)


def _of_weather(name: str, samples: Sequence[Sample], model: Model, base: Model | None) -> dict[str, Any]:
    planes: dict[str, list[NDArray[np.uint8]]] = {}
    for index, sample in enumerate(samples):
        image_HW3 = degrade(sample, name, MIDDLE, SEED if name in STEADY else SEED + index)
        seen = model.see(image_HW3)
        found = {"levels_in": image_HW3, "levels_out": seen.restored_HW3, "labels_refined": seen.labels_HW}
        if base is not None:
            masks = base.masks_around(image_HW3, seen.restored_HW3)
            found["labels_degraded"], found["labels_restored"] = masks
        for kind, plane in found.items():
            planes.setdefault(kind, []).append(plane)
    static = [static_pixels(before, after) for before, after in pairwise(samples)]
    row: dict[str, Any] = {"condition": name, "static_share": round(float(np.mean(static)), 4)}
    for kind, each in planes.items():
        change = _label_change if kind.startswith("labels") else _level_change
        pairs = zip(pairwise(each), static, strict=True)
        row[kind] = round(float(np.mean([change(*pair, static_HW) for pair, static_HW in pairs])), 5)
    return row


def _level_change(before_HW3: Image, after_HW3: Image, static_HW: NDArray[np.bool_]) -> float:
    return float(_difference(before_HW3, after_HW3)[static_HW].mean()) if static_HW.any() else 0.0


def _label_change(before_HW: NDArray[np.uint8], after_HW: NDArray[np.uint8], static_HW: NDArray[np.bool_]) -> float:
    return float((before_HW != after_HW)[static_HW].mean()) if static_HW.any() else 0.0


def _difference(before: Image, after: Image) -> NDArray[np.int16]:
    return np.abs(before.astype(np.int16) - after)
