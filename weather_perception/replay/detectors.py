"""Two models for `--detector`: our own base segmenter, and a detector of regions that needs no library but OpenCV.

They show the form of a user's own; see `replay.detector`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.engines.base import EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.pipeline import Pipeline
from weather_perception.core.resources import find_resource
from weather_perception.replay.pixels import opencv


class BaseSegmenter:
    """The segmenter in `models/base.pt2`, which was trained on clear frames only."""

    def __init__(self) -> None:
        self._pipeline = Pipeline(build_engine(str(find_resource("models/base.pt2")), EngineOptions()))
        self.names = [item.name for item in self._pipeline.manifest.classes]

    def __call__(self, image_HW3: Image) -> NDArray[np.uint8]:
        return self._pipeline.process(image_HW3).labels_HW


def base_segmenter() -> BaseSegmenter:
    """A factory for `--detector weather_perception.replay.detectors:base_segmenter`."""
    return BaseSegmenter()


class Regions:
    """Finds regions that stand out and keep their shape over many thresholds, as signs and plates do: MSER.

    Matas et al., BMVC 2002. A region's score is how much of its box it fills.
    """

    names = ("region",)

    def __init__(self) -> None:
        self._mser = opencv().MSER_create(min_area=60)

    def __call__(self, image_HW3: Image) -> dict[str, Any]:
        grey_HW = opencv().cvtColor(image_HW3, opencv().COLOR_RGB2GRAY)
        regions, rectangles = self._mser.detectRegions(grey_HW)
        boxes = [(x, y, x + width, y + height) for x, y, width, height in rectangles]
        scores = [
            len(region) / max(width * height, 1)
            for region, (_, _, width, height) in zip(regions, rectangles, strict=True)
        ]
        return {"boxes": boxes, "scores": scores, "labels": [0] * len(boxes)}


def regions() -> Regions:
    """A factory for `--detector weather_perception.replay.detectors:regions`."""
    return Regions()
