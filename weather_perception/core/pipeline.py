"""Turns a frame into a perception: the whole algorithm of the node and of replay, in one short method."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image, Manifest
from weather_perception.core.engines.base import Engine


class FrameError(ValueError):
    """A frame that can't be processed: `reason` is a short, stable key for counts, the message says what was wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Perception:
    """The model's answer to one frame. Arrays share the frame's height and width."""

    restored_HW3: Image
    labels_HW: NDArray[np.uint8]
    confidence_HW: NDArray[np.uint8]
    weather: dict[str, float]
    gates: dict[str, float]
    inference_seconds: float

    @property
    def dominant_weather(self) -> str:
        """The most probable weather type."""
        return max(self.weather, key=self.weather.__getitem__)


class Pipeline:
    """Runs frames through one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model in use."""
        return self.engine.manifest

    def process(self, image_HW3: Image) -> Perception:
        """Restore, segment and route one frame, uint8 RGB [H, W, 3]; raises FrameError for anything else."""
        check_frame(image_HW3)
        start = time.perf_counter()
        outputs = self.engine.infer(image_HW3[None])
        return Perception(
            restored_HW3=outputs.restored_BHW3[0],
            labels_HW=outputs.labels_BHW[0],
            confidence_HW=outputs.confidence_BHW[0],
            weather=dict(zip(self.manifest.weathers, outputs.weather_BK[0].tolist(), strict=True)),
            gates=dict(zip(self.manifest.gates, outputs.gates_BG[0].tolist(), strict=True)),
            inference_seconds=time.perf_counter() - start,
        )


def check_frame(image_HW3: Image) -> None:
    """Raise FrameError unless the frame is a non-empty uint8 [H, W, 3] array."""
    if image_HW3.dtype != np.uint8:
        raise FrameError("wrong_type", f"expected uint8 pixels, found {image_HW3.dtype}")
    if image_HW3.ndim != 3 or image_HW3.shape[2] != 3:
        raise FrameError("wrong_shape", f"expected [H, W, 3], found {list(image_HW3.shape)}")
    if 0 in image_HW3.shape:
        raise FrameError("zero_size", f"the frame is empty: {image_HW3.shape[1]}x{image_HW3.shape[0]}")
