"""Scores as the authors' released scripts of paper A compute them, which differ from the usual definitions.

Shape suffixes: B batch, H rows, W columns, 3 colours (RGB).
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PEAK = 255.0
SIDE = 7
"""Pixels across SSIM's uniform window."""


def ssim_grey(image_BHW3: Tensor, clear_BHW3: Tensor) -> float:
    """SSIM of the greys of uint8 images, with a uniform window of SIDE pixels and sample (co)variances.

    The mean is over the windows that lie inside the image, and over the batch. Raises ValueError for less than SIDE
    rows or columns.
    """
    if min(image_BHW3.shape[1:3]) < SIDE:
        raise ValueError(f"an image of {list(image_BHW3.shape[1:3])} is smaller than SSIM's window of {SIDE} pixels")
    pairs = zip(image_BHW3.numpy(), clear_BHW3.numpy(), strict=True)
    return float(np.mean([_ssim(_grey(image), _grey(clear)) for image, clear in pairs]))


def mask_scores(labels_HW: Tensor, truth_HW: Tensor) -> dict[str, float]:
    """PA, mPA, mIoU and FWIoU of one mask, in which void is a class like any other.

    mPA is over the classes of the truth. mIoU sums over the classes of both and divides by the number of the truth's: a
    class that only the mask has costs nothing. FWIoU weights by shares of all pixels.
    """
    ids, inverse = torch.cat([truth_HW.flatten(), labels_HW.flatten()]).unique(return_inverse=True)
    truth, labels = inverse.chunk(2)
    kinds = len(ids)
    counts = torch.bincount(truth * kinds + labels, minlength=kinds * kinds).reshape(kinds, kinds).double()
    hits, of_truth, of_labels = counts.diagonal(), counts.sum(1), counts.sum(0)
    iou = hits / (of_truth + of_labels - hits)
    there = of_truth > 0
    return {
        "pa": float(hits.sum() / of_truth.sum()),
        "mpa": float((hits[there] / of_truth[there]).mean()),
        "miou": float(iou.sum() / there.sum()),
        "fwiou": float((iou * of_truth).sum() / of_truth.sum()),
    }


def _grey(image_HW3: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY), np.float64)


def _ssim(one_HW: NDArray[np.float64], other_HW: NDArray[np.float64]) -> float:
    def mean(plane_HW: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.boxFilter(plane_HW, cv2.CV_64F, (SIDE, SIDE), borderType=cv2.BORDER_REFLECT))

    steady_light, steady_contrast = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    unbiased = SIDE**2 / (SIDE**2 - 1)
    one, other = mean(one_HW), mean(other_HW)
    variance = unbiased * (mean(one_HW**2) - one**2 + mean(other_HW**2) - other**2)
    covariance = unbiased * (mean(one_HW * other_HW) - one * other)
    light = (2 * one * other + steady_light) / (one**2 + other**2 + steady_light)
    structure = (2 * covariance + steady_contrast) / (variance + steady_contrast)
    half = SIDE // 2
    return float((light * structure)[half:-half, half:-half].mean())
