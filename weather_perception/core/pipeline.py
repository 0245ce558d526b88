"""Turns frames into perceptions: the whole algorithm of the node and of replay, in one short method."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import OUTPUT_NAMES, Image, Manifest, Outputs
from weather_perception.core.engines.base import Engine

UNKNOWN = "unknown"
"""The dominant weather of a frame in which no weather is probable."""


class FrameError(ValueError):
    """A frame that can't be processed: `reason` is a short, stable key for counts, the message says what was wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


INFERENCE_FAILED = "inference_failed"
NON_FINITE = "non_finite"


class OutputError(RuntimeError):
    """The engine's answer to a frame cannot be true: `reason` as in FrameError; the message names output and engine."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def dominant(weather: Mapping[str, float]) -> str:
    """The most probable weather type; `unknown` if every probability is 0, as from an engine that looked at none.

    Nothing is said without evidence: a frame that passed through unseen is not clear.
    """
    best = max(weather, key=weather.__getitem__, default=UNKNOWN)
    return best if weather.get(best, 0.0) > 0.0 else UNKNOWN


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
        """The most probable weather type; see `dominant`."""
        return dominant(self.weather)


class Pipeline:
    """Runs frames through one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model in use."""
        return self.engine.manifest

    def process(self, image_HW3: Image) -> Perception:
        """Restore, segment and route one frame, uint8 RGB [H, W, 3].

        Raises FrameError for anything else, OutputError if the engine's answer cannot be true.
        """
        answer = self.process_batch([image_HW3])[0]
        if isinstance(answer, OutputError):
            raise answer
        return answer

    def process_batch(self, images: Sequence[Image]) -> list[Perception | OutputError]:
        """The answers to frames of one size in one call of the engine, in the frames' order.

        More than `engine.at_once` frames gain nothing: they run one after another, and the first answer waits for the
        last. An answer that cannot be true is an OutputError in its frame's place; the other frames keep theirs.
        Raises FrameError for a frame that the model does not take, ValueError for none or for frames of several sizes.
        """
        for image_HW3 in images:
            check_frame(image_HW3)
            self.check_size(*image_HW3.shape[:2])
        start = time.perf_counter()
        # One frame is not copied, and np.stack refuses frames of several sizes.
        image_BHW3 = images[0][None] if len(images) == 1 else np.stack(images)
        outputs = self.engine.infer(image_BHW3)
        seconds = time.perf_counter() - start
        _check_shapes(outputs, image_BHW3, self.engine)
        return [self._perception(outputs, index, seconds) for index in range(len(images))]

    def check_size(self, height: int, width: int) -> None:
        """Raise FrameError if the model does not take frames of this size; needs no pixels."""
        sizes = self.engine.sizes
        for name, value, (low, high) in (("height", height, sizes.height), ("width", width, sizes.width)):
            if not low <= value <= high:
                raise FrameError(
                    "outside_model",
                    f"the frame is {width}x{height}: the model {self.manifest.name} takes a {name} of {low}..{high}",
                )

    def _perception(self, outputs: Outputs, index: int, seconds: float) -> Perception | OutputError:
        weather_K, gates_G = outputs.weather_BK[index], outputs.gates_BG[index]
        for name, values in (("weather", weather_K), ("gates", gates_G)):
            if not np.isfinite(values).all():
                said = f"{name} is not finite: engine {self.engine.name}, model {self.manifest.name}"
                return OutputError(NON_FINITE, said)
        return Perception(
            restored_HW3=outputs.restored_BHW3[index],
            labels_HW=outputs.labels_BHW[index],
            confidence_HW=outputs.confidence_BHW[index],
            weather=dict(zip(self.manifest.weathers, weather_K.tolist(), strict=True)),
            gates=dict(zip(self.manifest.gates, gates_G.tolist(), strict=True)),
            inference_seconds=seconds,
        )


def check_frame(image_HW3: Image) -> None:
    """Raise FrameError unless the frame is a non-empty uint8 [H, W, 3] array."""
    if image_HW3.dtype != np.uint8:
        raise FrameError("wrong_type", f"expected uint8 pixels, found {image_HW3.dtype}")
    if image_HW3.ndim != 3 or image_HW3.shape[2] != 3:
        raise FrameError("wrong_shape", f"expected [H, W, 3], found {list(image_HW3.shape)}")
    if 0 in image_HW3.shape:
        raise FrameError("zero_size", f"the frame is empty: {image_HW3.shape[1]}x{image_HW3.shape[0]}")


def _check_shapes(outputs: Outputs, image_BHW3: Image, engine: Engine) -> None:
    """Raise OutputError unless every output has the contract's shape for these frames."""
    batch, height, width, _ = image_BHW3.shape
    names = engine.manifest.weathers, engine.manifest.gates
    expected = [(batch, height, width, 3), *[(batch, height, width)] * 2, *[(batch, len(name)) for name in names]]
    found = [output.shape for output in outputs]
    for name, shape, given in zip(OUTPUT_NAMES, expected, found, strict=True):
        if given != shape:
            raise OutputError(INFERENCE_FAILED, f"{name} is {list(given)}, not {list(shape)}: engine {engine.name}")
