"""Distances between a restored image and the clear one."""

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-3
FLOOR = 1e-3
"""The squared error of 30 dB."""

LEAST_SQUARED_ERROR = 1e-10
"""Keeps the logarithm of an error of nothing finite."""

LEAST_SHARE = 1e-9
"""Keeps the mean over no pixels finite."""


def charbonnier(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Charbonnier distance, eps = 1e-3 (paper B, section 3.4)."""
    return ((restored_B3HW - clear_B3HW).square() + EPSILON**2).sqrt().mean()


def squared(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Mean squared error, on which PSNR depends."""
    return (restored_B3HW - clear_B3HW).square().mean()


def log_squared(
    restored_B3HW: Tensor, clear_B3HW: Tensor, floor: float = FLOOR, apart_BHW: Tensor | None = None
) -> Tensor:
    """The natural logarithm of each image's mean squared error, [B]: its PSNR, up to a factor and a constant.

    As in NAFNet (Chen et al., ECCV 2022). Every image counts alike, so the network learns streaks beside thick fog,
    whose error is a hundred times theirs. `floor` is added to the error: if it is small, barely visible streaks
    outweigh strong ones. `apart_BHW`, bool: pixels with a logarithm of their own, such as a sky hidden by fog; the two
    logarithms are weighted by area.
    """
    error_BHW = (restored_B3HW - clear_B3HW).square().mean(dim=1)
    apart_BHW = torch.zeros_like(error_BHW, dtype=torch.bool) if apart_BHW is None else apart_BHW
    parts = (apart_BHW, ~apart_BHW)
    return torch.stack([_log_of_mean(error_BHW, part_BHW.to(error_BHW), floor) for part_BHW in parts]).sum(dim=0)


def _log_of_mean(error_BHW: Tensor, part_BHW: Tensor, floor: float) -> Tensor:
    """The logarithm of the mean error of a part (0 or 1) of each image, times its share of the image, [B]."""
    share_B = part_BHW.mean(dim=(1, 2))
    mean_B = (error_BHW * part_BHW).mean(dim=(1, 2)) / share_B.clamp(min=LEAST_SHARE)
    return share_B * (floor + mean_B).clamp(min=LEAST_SQUARED_ERROR).log()


def edge(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Charbonnier distance of the two images' Laplacians (paper B, section 3.4)."""
    return charbonnier(laplacian(restored_B3HW), laplacian(clear_B3HW))


def laplacian(image_BCHW: Tensor) -> Tensor:
    """The 5-point Laplacian of every channel without the border, [B, C, H-2, W-2]."""
    kernel = image_BCHW.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    channels = image_BCHW.shape[1]
    return F.conv2d(image_BCHW, kernel.expand(channels, 1, 3, 3), groups=channels)


def gain_db(restored_B3HW: Tensor, degraded_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """The gain of each clamped restored image over the degraded one, from squared errors, in dB, [B]; for the log."""
    before, after = (
        (image.float().clamp(0, 1) - clear_B3HW).square().mean(dim=(1, 2, 3)).clamp(min=LEAST_SQUARED_ERROR)
        for image in (degraded_B3HW, restored_B3HW)
    )
    return 10 * torch.log10(before) - 10 * torch.log10(after)
