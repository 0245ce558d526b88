"""The composite restoration loss over several output scales (paper B, section 3.4): pixels, edges, spectrum.

Outputs are [B, 3, h, w], 0..1 but not clamped, the full size first; each is compared with the clear image averaged over
areas to its size. The paper prints norms of whole images; here each norm is a mean over elements, so that the loss does
not depend on the size of a crop and eps = 1e-3 is small beside one pixel's difference.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from training.losses import restoration


def charbonnier(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_char: the Charbonnier distance, eps = 1e-3, summed over the scales."""
    return torch.stack([restoration.charbonnier(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()


def edge(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_edge: the Charbonnier distance of the Laplacians, summed over the scales."""
    return torch.stack([restoration.edge(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()


def frequency(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
    """Section 3.4, L_freq: the L1 distance of the Fourier transforms, summed over the scales."""
    return torch.stack([spectral(*pair) for pair in at_every_scale(outputs, clear_B3HW)]).sum()


def spectral(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Mean modulus of the difference of the two spectra, of the transform without a factor.

    Noise of standard deviation s then costs about s * sqrt(H * W): the reason for a weight as small as 0.01.
    """
    return torch.fft.fft2(restored_B3HW - clear_B3HW).abs().mean()


def at_every_scale(outputs: Sequence[Tensor], clear_B3HW: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each output in float32, with the clear image at its size."""
    sizes = [(output.shape[-2], output.shape[-1]) for output in outputs]
    return [
        (output.float(), F.adaptive_avg_pool2d(clear_B3HW, size)) for output, size in zip(outputs, sizes, strict=True)
    ]
