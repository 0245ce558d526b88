"""The frequency self-attention expert: queries and keys correlated in the spectra of patches (paper B, section 3.2).

Shape legend: B batch, C channels, H height, W width, T patches, N pixels of a patch, S real numbers of its spectrum.
"""

import torch
from torch import Tensor, nn

from training.recipes.paper_b import dft, tiles
from training.recipes.paper_b.projection import Projection, depthwise


class FrequencyExpert(nn.Module):
    """x [B, C, H, W] -> DConv(V * IFFT(FFT(Q) conj(FFT(K)))) [B, C, H, W]; H and W multiples of `patch`.

    Deviations. The transforms are fixed real matrix products, because TensorRT has no complex numbers; and they are
    orthonormal, so that the correlation, a sum over a patch, stays as large as its terms whatever the patch.
    """

    analysis_NS: Tensor
    synthesis_SN: Tensor

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.projection = Projection(width)
        self.output = depthwise(width)
        self.register_buffer("analysis_NS", dft.analysis(patch), persistent=False)
        self.register_buffer("synthesis_SN", dft.synthesis(patch), persistent=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        q, k, v = tiles.cut(self.projection(x_BCHW), self.patch).chunk(3, dim=2)
        refined_BTCN = v * self.correlation(q, k)
        return self.output(tiles.join(refined_BTCN, self.patch, height, width))

    def correlation(self, query_BTCN: Tensor, key_BTCN: Tensor) -> Tensor:
        """Circular cross-correlation of query and key over each patch, divided by the patch's side; [B, T, C, N]."""
        q_real, q_imaginary = (query_BTCN @ self.analysis_NS).chunk(2, dim=3)
        k_real, k_imaginary = (key_BTCN @ self.analysis_NS).chunk(2, dim=3)
        real = q_real * k_real + q_imaginary * k_imaginary
        imaginary = q_imaginary * k_real - q_real * k_imaginary
        return torch.cat([real, imaginary], dim=3) @ self.synthesis_SN
