"""Compares an engine with the reference on fixed frames in every weather, before the engine is used."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from weather_perception.core.contract import OUTPUT_NAMES, Image
from weather_perception.core.engines.base import Engine, EngineError, Target
from weather_perception.core.engines.frames import WEATHERS, fixed_frames
from weather_perception.core.scores import confusion, mean_iou, psnr

# For images the mean difference in grey levels, for class ids the share of pixels that differ, for probabilities the
# largest difference; the worst over the frames.
LIMITS = {"restored": 1.0, "labels": 0.005, "confidence": 1.0, "weather": 0.02, "gates": 0.02}
# int8 differs a little everywhere, so its loss of quality is limited too: see `check_quality`.
INT8_LIMITS = LIMITS | {"restored": 4.0, "labels": 0.03, "confidence": 6.0}
INT8_LOSSES = {"restored": 0.3, "labels": 0.01}
"""The PSNR (dB) and the mIoU that int8 may lose."""
_MEANINGS = {
    "restored": "grey levels on average",
    "labels": "of the pixels",
    "confidence": "of 255 on average",
    "weather": "of a probability",
    "gates": "of a weight",
}


Arrays = tuple[NDArray[Any], ...]


class ParityError(EngineError):
    """An engine differs from the reference; the message names the first output that does."""


def check_parity(
    engine: Engine, reference: Engine, target: Target, calibration_NHW3: Image | None = None
) -> dict[str, float]:
    """The worst difference of every output, frame by frame and in the target's largest batch.

    An int8 engine is also compared on some of its calibration frames, and its loss of quality is checked.
    Raises ParityError that names the first output beyond its limit, in the contract's order, and the frame.
    """
    frames = fixed_frames(target.height, target.width)
    limits = INT8_LIMITS if target.precision == "int8" else LIMITS
    worst = dict.fromkeys(OUTPUT_NAMES, 0.0)
    for weather, frame in zip(WEATHERS, frames, strict=True):
        _take_worst(worst, _compare(engine, reference, frame[None], limits, f"a frame in {weather}"))
    if target.batch > 1:
        batch = np.resize(frames, (target.batch, *frames.shape[1:]))
        _take_worst(worst, _compare(engine, reference, batch, limits, f"a batch of {target.batch}"))
    if calibration_NHW3 is not None:
        for frame in calibration_NHW3[:: math.ceil(len(calibration_NHW3) / len(WEATHERS))]:
            _take_worst(worst, _compare(engine, reference, frame[None], limits, "a frame of the calibration"))
    if target.precision == "int8":
        check_quality(engine, reference, frames)
    return worst


def check_quality(engine: Engine, reference: Engine, frames: Image) -> None:
    """Raise ParityError if an engine restores or segments the fixed frames worse than INT8_LOSSES allow.

    The clear frame is the truth for every other one. Its labels are the reference's own in clear weather.
    """
    clear, *degraded = frames
    labels_HW = reference.infer(clear[None]).labels_BHW[0]
    counts: dict[str, list[Tensor]] = {"engine": [], "reference": []}
    for weather, frame in zip(WEATHERS[1:], degraded, strict=True):
        decibels = {}
        for runner, run in (("engine", engine), ("reference", reference)):
            outputs = run.infer(frame[None])
            decibels[runner] = psnr(outputs.restored_BHW3[0], clear)
            counts[runner].append(_confusion(outputs.labels_BHW[0], labels_HW))
        lost = decibels["reference"] - decibels["engine"]
        if not lost <= INT8_LOSSES["restored"]:
            raise ParityError(
                f"{engine.name}: restored loses {lost:.2f} dB of the reference's {decibels['reference']:.2f} dB on a "
                f"frame in {weather}; allowed is {INT8_LOSSES['restored']:g}"
            )
    before, after = (mean_iou(torch.stack(counts[runner]).sum(0)) for runner in ("reference", "engine"))
    assert before is not None and after is not None, "the clear frame has a class at every pixel"
    lost = before - after
    if not lost <= INT8_LOSSES["labels"]:
        raise ParityError(
            f"{engine.name}: labels lose {100 * lost:.1f} points of mIoU in bad weather; "
            f"allowed is {100 * INT8_LOSSES['labels']:g}"
        )


def _confusion(predicted_HW: NDArray[np.uint8], truth_HW: NDArray[np.uint8]) -> Tensor:
    """Pixel counts over the classes of the truth; a prediction of any other class is a mistake."""
    present = np.unique(truth_HW)
    place = np.full(256, len(present), np.uint8)
    place[present] = np.arange(len(present))
    return confusion(place[predicted_HW], place[truth_HW], len(present), void=255)


def _compare(
    engine: Engine, reference: Engine, image_BHW3: Image, limits: dict[str, float], what: str
) -> dict[str, float]:
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
        if not differences[name] <= limits[name]:  # a NaN is beyond any limit
            raise ParityError(
                f"{engine.name}: {name} differs from the reference by {differences[name]:.4g} {_MEANINGS[name]} "
                f"on {what}; allowed is {limits[name]:g}"
            )
    return differences


def difference(name: str, expected: NDArray[Any], found: NDArray[Any]) -> float:
    """The difference of an output from the reference's, in the measure of LIMITS."""
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
    """The differences in words."""
    return ", ".join(f"{name} {value:.3g} {_MEANINGS[name]}" for name, value in worst.items())
