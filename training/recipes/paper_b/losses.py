"""The restoration loss of pixels, edges and spectrum over several output scales (paper B, section 3.4).

Outputs are [B, 3, h, w], 0..1 but not clamped, the full size first. Their targets are the clear image, averaged over
areas to the same size. The paper prints norms of whole images. Here each norm is a mean over elements, and the spectrum
is scaled to a crop of one size, so the loss does not depend on the size of a crop, and eps = 1e-3 is small compared
with the difference of one pixel.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from training.losses import restoration

SPECTRUM_SIDE = 128
"""The frequency term has the scale that crops of this side, the default, have with an unnormalised transform."""


def charbonnier(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_char: the Charbonnier distance, eps = 1e-3, summed over the scales."""
    return torch.stack([restoration.charbonnier(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()


def edge(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_edge: the Charbonnier distance of the Laplacians, summed over the scales."""
    return torch.stack([restoration.edge(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()


def frequency(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_freq: the L1 distance of the Fourier transforms, summed over the scales.

    Deviation: it is multiplied by SPECTRUM_SIDE / sqrt(H * W) of the crop, because noise costs sqrt(H * W) times its
    deviation in the spectrum. At the default crop of 128 this is the printed form.
    """
    found = torch.stack([spectral(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()
    return found * (SPECTRUM_SIDE / math.sqrt(clear_B3HW.shape[-2] * clear_B3HW.shape[-1]))


def spectral(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Mean modulus of the difference between the two spectra; the transform has no normalising factor.

    Noise of standard deviation s therefore costs about s * sqrt(H * W): it grows with the image.
    """
    return torch.fft.fft2(restored_B3HW - clear_B3HW).abs().mean()


def at_every_scale(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pairs of each output, in float32, and the clear image at its size."""
    sizes = [(output.shape[-2], output.shape[-1]) for output in outputs]
    return [
        (output.float(), F.adaptive_avg_pool2d(clear_B3HW, size)) for output, size in zip(outputs, sizes, strict=True)
    ]
