"""Scores of masks and images, by torchmetrics (paper A, section 4.1): PA, mPA, mIoU, FWIoU; PSNR, SSIM."""

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

PSNR_CEILING = 60.0
"""dB: identical images have no finite PSNR, and one of them must not outweigh all others in a mean."""

LUMA_BORDER = 4
"""Pixels that WeatherBench's evaluation leaves out at each edge."""

WINDOW = 11
"""Pixels across SSIM's Gaussian window, of standard deviation 1.5."""


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
    return _psnr(_scaled(image_BHW3), _scaled(clear_BHW3))


def ssim(image_BHW3: Tensor, clear_BHW3: Tensor) -> float:
    """SSIM of uint8 images, RGB, with torchmetrics' Gaussian window of 11 pixels."""
    value = structural_similarity_index_measure(_scaled(image_BHW3), _scaled(clear_BHW3), data_range=1.0)
    return torch.as_tensor(value).item()


def psnr_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int = LUMA_BORDER) -> float:
    """PSNR of the luma of uint8 images without `border` pixels at each edge, dB, at most PSNR_CEILING.

    So WeatherBench's own evaluation scores, image by image; its peak is 255, although luma ends at 235.
    """
    return _psnr(*_inner_luma(image_BHW3, clear_BHW3, border))


def ssim_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int = LUMA_BORDER) -> float:
    """SSIM of the luma of uint8 images without `border` pixels at each edge, as `psnr_luma`.

    Unlike torchmetrics' own mean, and so `ssim`, it takes only windows that lie wholly inside, as MATLAB's does.
    """
    inner = _inner_luma(image_BHW3, clear_BHW3, border, least=WINDOW)
    _, map_B1HW = structural_similarity_index_measure(*inner, data_range=1.0, return_full_image=True)
    half = WINDOW // 2
    return map_B1HW[..., half:-half, half:-half].mean().item()


def luma(image_BHW3: Tensor) -> Tensor:
    """Y of YCbCr (BT.601, studio range) of uint8 RGB: float64 [B, 1, H, W], 16..235, not rounded.

    MATLAB's rgb2ycbcr computes so from images in 0..1, and so do the evaluations that follow it.
    """
    weights_3 = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64, device=image_BHW3.device)
    return (16 + image_BHW3.double() / 255 @ weights_3)[:, None]


def _inner_luma(image_BHW3: Tensor, clear_BHW3: Tensor, border: int, least: int = 1) -> tuple[Tensor, Tensor]:
    """Both lumas, in units of 255, inside the border; raises ValueError where less than `least` rows are left."""
    height, width = image_BHW3.shape[1:3]
    if border < 0 or min(height, width) - 2 * border < least:
        raise ValueError(
            f"border: {border} pixels at each edge of an image of {height}x{width} leave less than {least}x{least}"
        )
    inside = (..., slice(border, height - border), slice(border, width - border))
    return luma(image_BHW3)[inside] / 255, luma(clear_BHW3)[inside] / 255


def _psnr(image_BCHW: Tensor, clear_BCHW: Tensor) -> float:
    return min(peak_signal_noise_ratio(image_BCHW, clear_BCHW, data_range=1.0).item(), PSNR_CEILING)


def _scaled(image_BHW3: Tensor) -> Tensor:
    return image_BHW3.permute(0, 3, 1, 2).float() / 255
