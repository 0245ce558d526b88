"""The scores of images and masks, defined once: PSNR, SSIM, pixel counts and IoU, as torchmetrics defines them.

Images are [..., H, W, C], B batches of them [B, H, W, C], class ids [..., H, W]; numpy arrays or tensors.
K counts classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

Values: TypeAlias = NDArray[Any] | Tensor

PSNR_CEILING_DB = 100.0
"""The PSNR of identical images, and only of those: it would be infinite."""
_MOST_DIFFERENT_DB = 99.99
"""The highest PSNR of images that differ anywhere."""

PEAK = 255.0
WINDOW = 11
"""Pixels across SSIM's Gaussian window, of standard deviation 1.5."""


@torch.inference_mode()
def psnr(image: Values, clear: Values) -> float:
    """Peak signal-to-noise ratio of an image or a batch, values 0..255, in dB; PSNR_CEILING_DB if identical."""
    planes, expected = _planes(image), _planes(clear)
    if torch.equal(planes, expected):
        return PSNR_CEILING_DB
    return min(float(peak_signal_noise_ratio(planes, expected, data_range=PEAK)), _MOST_DIFFERENT_DB)


@torch.inference_mode()
def ssim(image: Values, clear: Values, whole_windows: bool = False) -> float:
    """Structural similarity of an image or a batch, values 0..255, -1..1, by a Gaussian window of WINDOW pixels.

    The mean is over all pixels, the border mirrored, as torchmetrics takes it; with `whole_windows` it is over the
    windows inside the image, as MATLAB takes it, and the image needs WINDOW rows and columns.
    """
    planes, expected = _planes(image), _planes(clear)
    if torch.equal(planes, expected):
        return 1.0
    half = WINDOW // 2
    inside = slice(half, -half) if whole_windows else slice(None)
    if planes.device.type == "cpu":
        maps = [_ssim_map(*pair)[inside, inside] for pair in zip(_images(planes), _images(expected), strict=True)]
        return float(np.mean([map_HWC.mean(dtype=np.float64) for map_HWC in maps]))
    _, map_BCHW = structural_similarity_index_measure(planes, expected, data_range=PEAK, return_full_image=True)
    return float(map_BCHW[..., inside, inside].mean())


def _ssim_map(image_HWC: NDArray[Any], clear_HWC: NDArray[Any]) -> NDArray[Any]:
    """The similarity around every pixel (Wang et al., IEEE TIP 2004, eq. 13), [H, W, C].

    torchmetrics convolves with the square window; a window of two passes gives the same map in a tenth of the time.
    """
    import cv2

    def mean(values_HWC: NDArray[Any]) -> NDArray[Any]:
        blurred = cv2.sepFilter2D(values_HWC, -1, _GAUSS, _GAUSS, borderType=cv2.BORDER_REFLECT_101)
        return np.asarray(blurred).reshape(values_HWC.shape)

    x, y = mean(image_HWC), mean(clear_HWC)
    xx, yy, xy = x * x, y * y, x * y
    variances = np.maximum(mean(image_HWC**2) - xx, 0) + np.maximum(mean(clear_HWC**2) - yy, 0)
    covariance = mean(image_HWC * clear_HWC) - xy
    similarity = (2 * xy + _C1) * (2 * covariance + _C2) / ((xx + yy + _C1) * (variances + _C2))
    return np.asarray(similarity)


def _gauss() -> NDArray[np.float64]:
    weights = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / 1.5) ** 2)
    return np.asarray(weights / weights.sum())


_GAUSS = _gauss()
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


@dataclass(frozen=True)
class PsnrSummary:
    """PSNR over frames, the identical ones counted apart: a mean that holds their ceiling says nothing."""

    identical: int
    db: float
    """The mean over the other frames, PSNR_CEILING_DB if all are identical."""


def summarise_psnr(values_db: Sequence[float]) -> PsnrSummary:
    """Summary of the PSNR of frames, as `psnr` gives them."""
    others = [value for value in values_db if value < PSNR_CEILING_DB]
    return PsnrSummary(len(values_db) - len(others), float(np.mean(others)) if others else PSNR_CEILING_DB)


def in_words(frames: int, identical: int, others_db: float, form: str = ".2f") -> str:
    """As in `27.63`, `identical`, or `identical in 20 of 24, else 58.39`: dB of the frames that are not identical."""
    if identical == 0:
        return format(others_db, form)
    if identical == frames:
        return "identical"
    return f"identical in {identical} of {frames}, else {others_db:{form}}"


@torch.inference_mode()
def confusion(predicted: Values, truth: Values, classes: int, void: int) -> Tensor:
    """Pixel counts [truth, predicted], int64 [K, K + 1]; pixels whose truth is `void` are left out.

    The last column counts predictions that are none of the classes. Raises ValueError for another true id.
    """
    predicted, truth = _ids(predicted), _ids(truth)
    if bool(((truth >= classes) & (truth != void)).any()):
        raise ValueError(f"true class ids must be below {classes}, or {void} for void; found {int(truth.max())}")
    known = torch.where(predicted < classes, predicted, classes)
    # The checks of validate_args take longer than the counting, and both hold by construction.
    counts = multiclass_confusion_matrix(known, truth, classes + 1, ignore_index=void, validate_args=False)
    return counts[:classes]


def class_iou(counts: Tensor) -> Tensor:
    """Intersection over union of each class, float64 [K], of pixel counts [truth, predicted]; NaN for an absent class.

    A class is absent if it occurs neither in the truth nor in a prediction. A last column of predictions that are no
    class makes mistakes of them.
    """
    counts = counts.double()
    overlap = counts.diagonal()
    return overlap / (counts.sum(0)[: len(overlap)] + counts.sum(1) - overlap)


def mean_iou(counts: Tensor | None) -> float | None:
    """The mean of `class_iou` over the classes that are not absent; None without counts or classes."""
    if counts is None:
        return None
    found = class_iou(counts).nanmean()
    return None if bool(found.isnan()) else float(found)


def _planes(image: Values) -> Tensor:
    """[B, C, H, W] in floating point; the channels stay last in memory, which more than halves the time of SSIM."""
    tensor = _tensor(image)
    tensor = tensor if tensor.is_floating_point() else tensor.float()
    return tensor.reshape(-1, *tensor.shape[-3:]).permute(0, 3, 1, 2)


def _images(planes_BCHW: Tensor) -> list[NDArray[Any]]:
    """[H, W, C] each, in single or double precision, which OpenCV knows."""
    planes_BCHW = planes_BCHW if planes_BCHW.dtype == torch.float64 else planes_BCHW.float()
    return [np.ascontiguousarray(image) for image in planes_BCHW.permute(0, 2, 3, 1).numpy()]


def _ids(labels: Values) -> Tensor:
    return _tensor(labels).long()


def _tensor(values: Values) -> Tensor:
    return values if isinstance(values, Tensor) else torch.from_numpy(np.require(values, requirements=("C", "W")))
