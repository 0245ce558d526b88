"""Scores of masks (paper A, section 4.1): PA, mPA, mIoU, FWIoU; PSNR and SSIM of the luma; a classifier's calibration.

Shape legend: B batch, H rows, W columns; N samples, K classes of a classifier.
"""

import math

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from weather_perception.core.scores import WINDOW, class_iou, confusion, mean_iou, psnr, ssim

LUMA_BORDER = 4
"""Pixels that WeatherBench's evaluation leaves out at each edge."""


class MaskScores:
    """Accumulates masks of `classes` classes, void left out.

    `set_scores` are over the whole set's confusion matrix; `image_scores` are means of every image's own scores, as the
    authors' published evaluation of paper A averages.
    """

    def __init__(self, classes: int, void: int) -> None:
        self._classes, self._void = classes, void
        self._total = torch.zeros(classes, classes + 1, dtype=torch.int64)
        self._images: list[dict[str, float]] = []

    def add(self, labels_BHW: Tensor, truth_BHW: Tensor) -> None:
        """Add a batch of class ids; an image without a labelled pixel does not count."""
        for labels, truth in zip(labels_BHW, truth_BHW, strict=True):
            counts = confusion(labels, truth, self._classes, self._void).cpu()
            if counts.sum() > 0:
                self._total += counts
                self._images.append(scores(counts))

    @property
    def images(self) -> int:
        """How many images with a labelled pixel were added."""
        return len(self._images)

    def set_scores(self) -> dict[str, float]:
        """PA, mPA, mIoU and FWIoU over all pixels of all images."""
        return scores(self._total)

    def image_scores(self) -> dict[str, float]:
        """The mean of every image's PA, mPA, mIoU and FWIoU."""
        return {key: sum(image[key] for image in self._images) / len(self._images) for key in self._images[0]}


def scores(counts: Tensor) -> dict[str, float]:
    """Scores of pixel counts [truth, predicted], 0..1.

    PA is the share of pixels that are right, mPA its mean over the classes that occur in the truth, mIoU the mean over
    the classes that occur in truth or prediction, FWIoU the IoU weighted by the truth's class shares. NaN without any.
    """
    hit_K, truth_K = counts.diagonal().double(), counts.sum(dim=1).double()
    miou = mean_iou(counts)
    return {
        "pa": (hit_K.sum() / truth_K.sum()).item(),
        "mpa": (hit_K / truth_K)[truth_K > 0].mean().item(),
        "miou": math.nan if miou is None else miou,
        "fwiou": (class_iou(counts).nan_to_num() * truth_K / truth_K.sum()).sum().item(),
    }


def psnr_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int = LUMA_BORDER) -> float:
    """PSNR of the luma of uint8 images without `border` pixels at each edge, dB.

    WeatherBench's own evaluation scores each image like this; its peak is 255, although luma ends at 235.
    """
    return psnr(*_inner_luma(image_BHW3, clear_BHW3, border))


def ssim_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int = LUMA_BORDER) -> float:
    """SSIM of the luma of uint8 images without `border` pixels at each edge, over whole windows, as MATLAB's."""
    return ssim(*_inner_luma(image_BHW3, clear_BHW3, border, least=WINDOW), whole_windows=True)


def luma(image_BHW3: Tensor) -> Tensor:
    """Y of YCbCr (BT.601, studio range) of uint8 RGB: float64 [B, H, W, 1], 16..235, not rounded.

    MATLAB's rgb2ycbcr computes this from images in 0..1, and so do the evaluations that follow it.
    """
    weights_3 = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64, device=image_BHW3.device)
    return (16 + image_BHW3.double() / 255 @ weights_3)[..., None]


def _inner_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int, least: int = 1) -> tuple[Tensor, Tensor]:
    """Both lumas inside the border; raises ValueError if less than `least` rows or columns are left."""
    height, width = image_BHW3.shape[1:3]
    if border < 0 or min(height, width) - 2 * border < least:
        raise ValueError(
            f"border: {border} pixels at each edge of an image of {height}x{width} leave less than {least}x{least}"
        )
    rows, columns = slice(border, height - border), slice(border, width - border)
    return luma(image_BHW3)[:, rows, columns], luma(clear_BHW3)[:, rows, columns]


BOUNDS = (0.05, 20.0)
"""Bounds of the temperature; without bounds, validation data without an error would lead to 0."""


def expected_calibration_error(probabilities_NK: Tensor, labels_N: Tensor, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, weighted by samples, 0..1."""
    classes = probabilities_NK.shape[1]
    error = multiclass_calibration_error(probabilities_NK, labels_N, num_classes=classes, n_bins=bins, norm="l1")
    return error.item()


def fit_temperature(logits_NK: Tensor, targets_NK: Tensor) -> float:
    """The T within BOUNDS at which softmax(logits / T) has the least cross-entropy; raises ValueError without samples.

    Rows of `targets_NK` sum to one. The cross-entropy is convex in 1 / T. Its slope is the mean logit under the model
    minus the mean logit of the targets, so bisection by the slope's sign finds the minimum. The most probable class is
    the same at any T.
    """
    if not len(targets_NK):
        raise ValueError("no samples to fit a temperature on; give validation data")
    logits_NK = logits_NK.detach().double()
    labelled = (targets_NK * logits_NK).sum(dim=1).mean()
    cold, hot = BOUNDS
    for _ in range(50):
        middle = (cold * hot) ** 0.5
        expected = ((logits_NK / middle).softmax(dim=1) * logits_NK).sum(dim=1).mean()
        cold, hot = (middle, hot) if expected > labelled else (cold, middle)
    return (cold * hot) ** 0.5
