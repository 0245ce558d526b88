"""Scores of answers by weather: PSNR and SSIM of images, mIoU of masks, accuracy of the weather."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from weather_perception.core.contract import Image
from weather_perception.core.scores import mean_iou, psnr, ssim, summarise_psnr
from weather_perception.replay.frames import VOID


def label_lookup(truth_names: tuple[str, ...] | None, model_names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Class ids -> the model's class ids, uint8 [256]; an id of no class of the model becomes void.

    `truth_names` are the names of the ids to translate; None: they are the model's own.
    """
    lookup = np.full(256, VOID, np.uint8)
    for index, name in enumerate(truth_names or model_names):
        if name in model_names:
            lookup[index] = model_names.index(name)
    return lookup


@dataclass
class WeatherScores:
    """Running sums over the frames of one weather."""

    frames: int = 0
    weather_known: int = 0
    weather_right: int = 0
    images: list[tuple[float, float, float, float]] = field(default_factory=list)  # psnr in, out, ssim in, out
    base_CC: Tensor | None = None
    refined_CC: Tensor | None = None

    def add_image(self, input_HW3: Image, restored_HW3: Image, clear_HW3: Image) -> tuple[float, float]:
        """Score a frame's image; returns the PSNR of input and restored image, dB."""
        before, after = (psnr(image_HW3, clear_HW3) for image_HW3 in (input_HW3, restored_HW3))
        self.images.append((before, after, ssim(input_HW3, clear_HW3), ssim(restored_HW3, clear_HW3)))
        return before, after

    def add_weather(self, right: bool) -> None:
        """Count whether the dominant weather was the true one."""
        self.weather_known += 1
        self.weather_right += right

    def as_dict(self) -> dict[str, float | int | None]:
        """The figures under the names of metrics.json; None if there was no ground truth.

        Frames that equal the clear image have no part in a mean PSNR, which is PSNR_CEILING_DB if all are identical;
        `identical` counts those whose restored image does.
        """
        found: dict[str, float | int | None] = dict.fromkeys(
            ("psnr_input", "psnr_restored", "ssim_input", "ssim_restored", "identical")
        )
        if self.images:
            before, after, like_before, like_after = zip(*self.images, strict=True)
            restored = summarise_psnr(after)
            found |= {"psnr_input": summarise_psnr(before).db, "psnr_restored": restored.db}
            found |= {"ssim_input": float(np.mean(like_before)), "ssim_restored": float(np.mean(like_after))}
            found["identical"] = restored.identical
        return found | {
            "frames": self.frames,
            "miou_base": mean_iou(self.base_CC),
            "miou_refined": mean_iou(self.refined_CC),
            "weather_accuracy": accuracy([self]),
        }


def accuracy(scores: list[WeatherScores]) -> float | None:
    """The share of frames whose dominant weather was right; None if no frame's weather is known."""
    known = sum(score.weather_known for score in scores)
    return sum(score.weather_right for score in scores) / known if known else None


def added(total: Tensor | None, counts: Tensor | None) -> Tensor | None:
    """The sum of two confusion matrices, either of which may be missing."""
    if total is None or counts is None:
        return counts if total is None else total
    return total + counts


def pooled_iou(scores: Mapping[str, WeatherScores], which: str) -> float | None:
    """mIoU over several weathers' frames together; `which` is `base_CC` or `refined_CC`."""
    return mean_iou(reduce(added, (getattr(score, which) for score in scores.values()), None))
