"""Scores of answers by weather: PSNR and SSIM of images, mIoU of masks, accuracy of the weather."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from weather_perception.core.scores import class_iou, summarise_psnr
from weather_perception.replay.frames import VOID, ReplayError

VOID_NAMES = frozenset({"", "-", "void", "none", "ignore", "unknown", "unlabeled", "unlabelled"})
"""What a user calls an id that is no class."""


@dataclass(frozen=True)
class LabelNames:
    """What the ids in the ground truth mean to a model with the classes `model`.

    `truth` are the names of the ids, from 0 on; None: they are the model's own ids. Names compare without case.
    """

    model: tuple[str, ...]
    truth: tuple[str, ...] | None = None

    @property
    def lookup(self) -> NDArray[np.uint8]:
        """Ids of the truth -> the model's ids, uint8 [256]; an id of no class of the model becomes void."""
        ids = {name.casefold(): index for index, name in enumerate(self.model)}
        lookup = np.full(256, VOID, np.uint8)
        for index, name in enumerate(self.truth or self.model):
            lookup[index] = ids.get(name.casefold(), VOID)
        return lookup

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Whether the truth can have each class of the model; the others have no part in a mean, bool [K]."""
        return np.isin(np.arange(len(self.model)), self.lookup)

    def check(self) -> None:
        """Raise ReplayError if the truth names a class that the model lacks."""
        mine = {name.casefold() for name in self.model}
        unknown = [name for name in self.truth or () if name.casefold() not in mine | VOID_NAMES]
        if unknown:
            raise ReplayError(
                f"--label-names: {', '.join(unknown)}: not among the model's classes, which are "
                f"{', '.join(self.model)}; call an id that is to be left out void"
            )


@dataclass(frozen=True)
class ImageScores:
    """PSNR (dB) and SSIM of a frame's input and of its restored image."""

    psnr_input: float
    psnr_restored: float
    ssim_input: float
    ssim_restored: float


@dataclass
class WeatherScores:
    """Running sums over the frames of one weather."""

    frames: int = 0
    weather_known: int = 0
    weather_right: int = 0
    images: list[ImageScores] = field(default_factory=list)
    base_CC: Tensor | None = None
    refined_CC: Tensor | None = None

    def add_weather(self, right: bool) -> None:
        """Count whether the dominant weather was the true one."""
        self.weather_known += 1
        self.weather_right += right

    def as_dict(self, names: LabelNames) -> dict[str, Any]:
        """The figures under the names of metrics.json; None if there was no ground truth.

        Frames that equal the clear image have no part in a mean PSNR, which is PSNR_CEILING_DB if all are identical;
        `identical` counts those whose restored image does.
        """
        return (
            {"frames": self.frames}
            | _image_figures(self.images)
            | _mask_figures(names, {"base": self.base_CC, "refined": self.refined_CC})
            | {"weather_accuracy": self.weather_right / self.weather_known if self.weather_known else None}
        )


def pooled(scores: Iterable[WeatherScores]) -> WeatherScores:
    """The scores of several weathers' frames together."""
    scores = list(scores)
    return WeatherScores(
        sum(item.frames for item in scores),
        sum(item.weather_known for item in scores),
        sum(item.weather_right for item in scores),
        [image for item in scores for image in item.images],
        reduce(added, (item.base_CC for item in scores), None),
        reduce(added, (item.refined_CC for item in scores), None),
    )


def added(total: Tensor | None, counts: Tensor | None) -> Tensor | None:
    """The sum of two confusion matrices, either of which may be missing."""
    if total is None or counts is None:
        return counts if total is None else total
    return total + counts


def ious(counts: Tensor | None, names: LabelNames) -> NDArray[np.float64]:
    """IoU of each class of the model, [K]; NaN for a class that is absent or that the truth cannot have."""
    if counts is None:
        return np.full(len(names.model), np.nan)
    return np.where(names.counted, class_iou(counts).numpy(), np.nan)


def mean(values: NDArray[np.float64]) -> float | None:
    """The mean of the values that are no NaN; None without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _image_figures(images: Sequence[ImageScores]) -> dict[str, Any]:
    if not images:
        keys = ("psnr_input", "psnr_restored", "ssim_input", "ssim_restored", "identical", "identical_input")
        return dict.fromkeys(keys)
    before, after = (summarise_psnr([getattr(item, key) for item in images]) for key in ("psnr_input", "psnr_restored"))
    return {
        "psnr_input": before.db,
        "psnr_restored": after.db,
        "ssim_input": float(np.mean([item.ssim_input for item in images])),
        "ssim_restored": float(np.mean([item.ssim_restored for item in images])),
        "identical": after.identical,
        "identical_input": before.identical,
    }


def _mask_figures(names: LabelNames, counts: Mapping[str, Tensor | None]) -> dict[str, Any]:
    found: dict[str, Any] = {"pixels": {}}
    for key, counts_CC in counts.items():
        values = ious(counts_CC, names)
        found[f"miou_{key}"] = mean(values)
        known = [None if np.isnan(value) else float(value) for value in values]
        found[f"iou_{key}"] = {} if counts_CC is None else dict(zip(names.model, known, strict=True))
        if counts_CC is not None:
            found["pixels"] = dict(zip(names.model, counts_CC.sum(1).tolist(), strict=True))
    return found
