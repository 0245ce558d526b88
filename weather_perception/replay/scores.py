"""Scores answers against ground truth: PSNR and SSIM of images, mIoU of masks, accuracy of the weather."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from weather_perception.core.contract import Image
from weather_perception.replay.frames import VOID

PSNR_CEILING_DB = 100.0  # equal images have no finite PSNR; they count as this, so that means stay finite


@torch.inference_mode()
def compare_images(image_HW3: Image, clear_HW3: Image) -> tuple[float, float]:
    """PSNR in dB (at most `PSNR_CEILING_DB`) and SSIM (-1..1) of an image against the clear one."""
    if np.array_equal(image_HW3, clear_HW3):
        return PSNR_CEILING_DB, 1.0
    image, clear = _batch(image_HW3), _batch(clear_HW3)
    psnr = peak_signal_noise_ratio(image, clear, data_range=255.0)
    ssim = structural_similarity_index_measure(image, clear, data_range=255.0)
    return min(float(psnr), PSNR_CEILING_DB), float(ssim)  # type: ignore[arg-type]  # a tensor without return_full_image


@torch.inference_mode()
def confusion(predicted_HW: NDArray[np.uint8], truth_HW: NDArray[np.uint8], classes: int) -> Tensor:
    """Pixel counts [truth, predicted], int64 [classes, classes + 1]; void pixels of the truth are left out.

    The last column counts predictions that are none of the classes. True ids must be below `classes`, or void.
    """
    known_HW = np.where(predicted_HW < classes, predicted_HW, classes).astype(np.int64)
    predicted, truth = torch.from_numpy(known_HW), torch.from_numpy(truth_HW.astype(np.int64))
    # The checks of validate_args take longer than the counting, and both arrays hold by construction.
    counts = multiclass_confusion_matrix(predicted, truth, classes + 1, ignore_index=VOID, validate_args=False)
    return counts[:classes]


def mean_iou(counts_CC: Tensor | None) -> float | None:
    """Mean intersection over union of pixel counts [truth, predicted]; None where there are none.

    Classes absent from both truth and prediction are left out. A last column of predictions that are no class makes
    mistakes of them, but no class to average over.
    """
    if counts_CC is None:
        return None
    counts = counts_CC.double()
    overlap = counts.diagonal()
    union = counts.sum(0)[: len(overlap)] + counts.sum(1) - overlap
    present = union > 0
    return float((overlap[present] / union[present]).mean()) if bool(present.any()) else None


def label_lookup(truth_names: tuple[str, ...] | None, model_names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Class ids -> the model's class ids, uint8 [256]; ids the model has no class for become void.

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
        (before, like_before), (after, like_after) = (
            compare_images(image_HW3, clear_HW3) for image_HW3 in (input_HW3, restored_HW3)
        )
        self.images.append((before, after, like_before, like_after))
        return before, after

    def add_weather(self, right: bool) -> None:
        """Count whether the dominant weather was the true one."""
        self.weather_known += 1
        self.weather_right += right

    def as_dict(self) -> dict[str, float | int | None]:
        """The means, under the names of metrics.json; None where there was no ground truth."""
        means = np.mean(self.images, axis=0).tolist() if self.images else [None] * 4
        names = ("psnr_input", "psnr_restored", "ssim_input", "ssim_restored")
        return {
            **dict(zip(names, means, strict=True)),
            "frames": self.frames,
            "miou_base": mean_iou(self.base_CC),
            "miou_refined": mean_iou(self.refined_CC),
            "weather_accuracy": accuracy([self]),
        }


def accuracy(scores: list[WeatherScores]) -> float | None:
    """The share of frames whose dominant weather was right; None where no frame's weather is known."""
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


def _batch(image_HW3: Image) -> Tensor:
    """float32 [1, 3, H, W] with the channels last in memory, which more than halves the time of SSIM."""
    return torch.from_numpy(np.require(image_HW3, requirements=("C", "W"))).permute(2, 0, 1)[None].float()
