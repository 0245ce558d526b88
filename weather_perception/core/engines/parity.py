"""Compares an engine with the reference on fixed frames in every weather, before anything is answered with it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import OUTPUT_NAMES, Image
from weather_perception.core.engines.base import Engine, EngineError, Target

FRAMES_FILE = Path(__file__).with_name("frames.jpg")
WEATHERS = ("clear", "fog", "rain", "snow")

# Of images the mean difference in grey levels, of class ids the share of pixels that differ, of probabilities the
# largest difference; over the frames, the worst.
LIMITS = {"restored": 1.0, "labels": 0.005, "confidence": 1.0, "weather": 0.02, "gates": 0.02}
_MEANINGS = {
    "restored": "grey levels on average",
    "labels": "of the pixels",
    "confidence": "of 255 on average",
    "weather": "of a probability",
    "gates": "of a weight",
}


Arrays = tuple[NDArray[Any], ...]


class ParityError(EngineError):
    """An engine does not do what the reference does; the message names the first output that differs."""


def fixed_frames(height: int, width: int) -> Image:
    """The frames, one of each of WEATHERS: uint8 RGB [4, height, width, 3].

    A procedural street that no training saw: drive 1000900 of `training.data.scenes` at 5 s, rendered at 360x640 and
    degraded by `training.data.degradations` with severity 0.7 and seed 1.
    """
    sheet = cv2.imread(str(FRAMES_FILE), cv2.IMREAD_COLOR)
    assert sheet is not None, f"{FRAMES_FILE} was not installed"
    frames = np.split(sheet[..., ::-1], len(WEATHERS))
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def check_parity(engine: Engine, reference: Engine, target: Target) -> dict[str, float]:
    """The worst difference of every output, frame by frame and in the target's largest batch.

    Raises ParityError that names the first output beyond LIMITS, in the contract's order, and the frame.
    """
    frames = fixed_frames(target.height, target.width)
    worst = dict.fromkeys(OUTPUT_NAMES, 0.0)
    for weather, frame in zip(WEATHERS, frames, strict=True):
        _take_worst(worst, _compare(engine, reference, frame[None], f"a frame in {weather}"))
    if target.batch > 1:
        batch = np.resize(frames, (target.batch, *frames.shape[1:]))
        _take_worst(worst, _compare(engine, reference, batch, f"a batch of {target.batch}"))
    return worst


def _compare(engine: Engine, reference: Engine, image_BHW3: Image, what: str) -> dict[str, float]:
    expected: Arrays = reference.infer(image_BHW3)
    found: Arrays = engine.infer(image_BHW3)
    differences = {}
    for name, wanted, given in zip(OUTPUT_NAMES, expected, found, strict=True):
        if (wanted.shape, wanted.dtype) != (given.shape, given.dtype):
            raise ParityError(
                f"{engine.name}: {name}: {given.dtype} {list(given.shape)} of {what}, "
                f"the reference gives {wanted.dtype} {list(wanted.shape)}"
            )
        differences[name] = difference(name, wanted, given)
        if not differences[name] <= LIMITS[name]:  # a NaN is beyond any limit
            raise ParityError(
                f"{engine.name}: {name} differs from the reference by {differences[name]:.4g} {_MEANINGS[name]} "
                f"on {what}; allowed is {LIMITS[name]:g}"
            )
    return differences


def difference(name: str, expected: NDArray[Any], found: NDArray[Any]) -> float:
    """How far an output is from the reference's, in the measure of LIMITS."""
    if expected.size == 0:
        return 0.0
    if name == "labels":
        return float((expected != found).mean())
    distance = np.abs(expected.astype(np.float64) - found)
    return float(distance.mean() if name in ("restored", "confidence") else distance.max())


def _take_worst(worst: dict[str, float], found: dict[str, float]) -> None:
    for name, value in found.items():
        worst[name] = max(worst[name], value)


def describe(worst: dict[str, float]) -> str:
    """The differences in words, for a log."""
    return ", ".join(f"{name} {value:.3g} {_MEANINGS[name]}" for name, value in worst.items())
