"""Scores of masks and images, by torchmetrics (paper A, section 4.1): PA, mPA, mIoU, FWIoU; PSNR, SSIM."""

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

PSNR_CEILING = 60.0
"""dB: identical images have no finite PSNR, and one of them must not outweigh all others in a mean."""


class MaskScores:
    """Accumulates masks of `classes` classes, void left out.

    `set_scores` are over the whole set's confusion matrix; `image_scores` are means of every image's own scores, as the
    authors' published evaluation of paper A averages.
    """

    def __init__(self, classes: int, void: int) -> None:
        self._classes, self._void = classes, void
        self._total_KK = torch.zeros(classes, classes, dtype=torch.int64)
        self._images: list[dict[str, float]] = []

    def add(self, labels_BHW: Tensor, truth_BHW: Tensor) -> None:
        """Add a batch of class ids; images without a labelled pixel count for nothing."""
        for labels, truth in zip(labels_BHW.long(), truth_BHW.long(), strict=True):
            matrix_KK = multiclass_confusion_matrix(labels, truth, self._classes, ignore_index=self._void)
            if matrix_KK.sum() > 0:
                self._total_KK += matrix_KK.cpu()
                self._images.append(scores(matrix_KK))

    @property
    def images(self) -> int:
        """How many images with a labelled pixel were added."""
        return len(self._images)

    def set_scores(self) -> dict[str, float]:
        """PA, mPA, mIoU and FWIoU over all pixels of all images."""
        return scores(self._total_KK)

    def image_scores(self) -> dict[str, float]:
        """The mean of every image's PA, mPA, mIoU and FWIoU."""
        return {key: sum(image[key] for image in self._images) / len(self._images) for key in self._images[0]}


def scores(matrix_KK: Tensor) -> dict[str, float]:
    """Scores of a confusion matrix (rows the truth), 0..1.

    PA is the share of pixels that are right, mPA its mean over the classes that occur in the truth, mIoU the mean over
    the classes that occur in truth or prediction, FWIoU the IoU weighted by the truth's class shares. NaN without any.
    """
    matrix_KK = matrix_KK.double()
    hit_K, truth_K, predicted_K = matrix_KK.diagonal(), matrix_KK.sum(dim=1), matrix_KK.sum(dim=0)
    union_K = truth_K + predicted_K - hit_K
    iou_K = hit_K / union_K.clamp(min=1)
    return {
        "pa": (hit_K.sum() / truth_K.sum()).item(),
        "mpa": (hit_K / truth_K.clamp(min=1))[truth_K > 0].mean().item(),
        "miou": iou_K[union_K > 0].mean().item(),
        "fwiou": (iou_K * truth_K / truth_K.sum()).sum().item(),
    }


def psnr(image_BHW3: Tensor, clear_BHW3: Tensor) -> float:
    """PSNR of uint8 images, dB, at most PSNR_CEILING."""
    value = peak_signal_noise_ratio(_scaled(image_BHW3), _scaled(clear_BHW3), data_range=1.0)
    return min(value.item(), PSNR_CEILING)


def ssim(image_BHW3: Tensor, clear_BHW3: Tensor) -> float:
    """SSIM of uint8 images, RGB, with torchmetrics' Gaussian window of 11 pixels."""
    value = structural_similarity_index_measure(_scaled(image_BHW3), _scaled(clear_BHW3), data_range=1.0)
    return torch.as_tensor(value).item()


def _scaled(image_BHW3: Tensor) -> Tensor:
    return image_BHW3.permute(0, 3, 1, 2).float() / 255
