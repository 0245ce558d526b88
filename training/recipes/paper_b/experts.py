"""The three experts of a MoE module: channel, spatial and frequency self-attention (paper B, section 3.2).

Shape legend: B batch, C channels, H height, W width, h heads, c channels of one head, T windows or patches of one image
(row by row), N pixels of one window or patch (of the whole image in the channel expert), x = 3h. For the Fourier
transform: P side of a patch, N = P * P its pixels (row by row), S real numbers of its spectrum: N/2 + P real parts,
then N/2 + P imaginary parts.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelExpert(nn.Module):
    """x [B, C, H, W] -> Wo(softmax(Q K^T / tau) V) [B, C, H, W], rows of Q and K of unit length.

    Each head has a learnable temperature tau. The parameter is its logarithm, because tau itself could reach zero, and
    the scores are divided by it. The paper's text also mentions a residual connection here; the equation has none, and
    the module around the experts adds one.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.projection = Projection(width)
        self.log_temperature_h11 = nn.Parameter(torch.zeros(heads, 1, 1))
        self.output = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        projected_BxcN = self.projection(x_BCHW).flatten(2).unflatten(1, (3 * self.heads, -1))
        q, k, v = projected_BxcN.chunk(3, dim=1)
        scores_Bhcc = F.normalize(q, dim=3) @ F.normalize(k, dim=3).transpose(2, 3)
        attention = (scores_Bhcc / self.log_temperature_h11.exp()).softmax(dim=3)
        return self.output((attention @ v).reshape(x_BCHW.shape))


class SpatialExpert(nn.Module):
    """x [B, C, H, W] -> DConv(softmax(top-k(Q K^T)) V) [B, C, H, W]; H and W multiples of `window`.

    Deviations: the paper's HW x HW scores are too large for camera images, so windows replace its mask, which "prunes
    irrelevant long-range interactions"; `window=None` gives the paper's global form. Scores are divided by the square
    root of a head's channels, as usual.
    """

    def __init__(self, width: int, heads: int, window: int | None, share: float) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.window = window
        self.share = share
        self.projection = Projection(width)
        self.output = depthwise(width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        q, k, v = self._windows(self.projection(x_BCHW)).unflatten(2, (3 * self.heads, -1)).chunk(3, dim=2)
        scores_BThNN = q.transpose(3, 4) @ k * (q.shape[3] ** -0.5)
        attention = most_alike(scores_BThNN, self.share).softmax(dim=4)
        attended_BThcN = v @ attention.transpose(3, 4)
        if self.window is None:
            return self.output(attended_BThcN.reshape(x_BCHW.shape))
        return self.output(join(attended_BThcN.flatten(2, 3), self.window, height, width))

    def _windows(self, x_BCHW: Tensor) -> Tensor:
        """Cut into windows [B, T, C, N]; without `window` the whole image is the only one."""
        return x_BCHW.flatten(2)[:, None] if self.window is None else cut(x_BCHW, self.window)


def most_alike(scores_xN: Tensor, share: float) -> Tensor:
    """Keep the `share` (0..1) largest scores of every query, at least one; set the others to minus infinity.

    Like the paper's scatter, a threshold at the k-th largest score keeps the dense shape, at a fraction of the cost.
    All scores equal to the k-th stay, so a flat sky attends evenly and not by the order of its pixels.
    """
    count = scores_xN.shape[-1]
    kept = max(1, round(share * count))
    if kept == count:
        return scores_xN
    # The k-th largest is the largest of the N - k + 1 smallest, and these are fewer if most scores are kept.
    least = scores_xN.detach().topk(count - kept + 1, dim=-1, largest=False).values.amax(dim=-1, keepdim=True)
    return scores_xN.masked_fill(scores_xN < least, float("-inf"))


class FrequencyExpert(nn.Module):
    """x [B, C, H, W] -> DConv(V * IFFT(FFT(Q) conj(FFT(K)))) [B, C, H, W]; H and W multiples of `patch`.

    Deviations: the transforms are fixed real matrix products, because TensorRT has no complex numbers. They are
    orthonormal, so the correlation, a sum over a patch, keeps the scale of its terms for any patch size.
    """

    analysis_NS: Tensor
    synthesis_SN: Tensor

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.projection = Projection(width)
        self.output = depthwise(width)
        self.register_buffer("analysis_NS", analysis(patch), persistent=False)
        self.register_buffer("synthesis_SN", synthesis(patch), persistent=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        q, k, v = cut(self.projection(x_BCHW), self.patch).chunk(3, dim=2)
        refined_BTCN = v * self.correlation(q, k)
        return self.output(join(refined_BTCN, self.patch, height, width))

    def correlation(self, query_BTCN: Tensor, key_BTCN: Tensor) -> Tensor:
        """Circular cross-correlation of query and key over each patch, divided by the patch's side; [B, T, C, N]."""
        q_real, q_imaginary = (query_BTCN @ self.analysis_NS).chunk(2, dim=3)
        k_real, k_imaginary = (key_BTCN @ self.analysis_NS).chunk(2, dim=3)
        real = q_real * k_real + q_imaginary * k_imaginary
        imaginary = q_imaginary * k_real - q_real * k_imaginary
        return torch.cat([real, imaginary], dim=3) @ self.synthesis_SN


class Projection(nn.Module):
    """x [B, C, H, W] -> Q, K, V as one [B, 3C, H, W], by 1x1 and depthwise 3x3 convolutions (paper B, section 3.2).

    The experts rearrange all three together and split them at the end, which takes a third of the operators.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.depthwise = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        projected: Tensor = self.depthwise(self.pointwise(x_BCHW))
        return projected


def depthwise(width: int) -> nn.Conv2d:
    """The last layer of the spatial and the frequency expert, a 3x3 depthwise convolution."""
    return nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError if an expert's channels cannot be split among its heads."""
    if width % heads:
        raise ValueError(f"{width} channels of an expert cannot be split among {heads} heads; change width or heads")


def cut(x_BCHW: Tensor, side: int) -> Tensor:
    """[B, C, H, W] -> [B, T, C, N], pixels row by row; H and W multiples of `side`."""
    batch, channels, height, width = x_BCHW.shape
    tiles = x_BCHW.reshape(batch, channels, height // side, side, width // side, side)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(batch, (height // side) * (width // side), channels, side * side)


def join(tiles_BTCN: Tensor, side: int, height: int, width: int) -> Tensor:
    """The reverse of `cut`: [B, T, C, N] -> [B, C, H, W]."""
    batch, _, channels, _ = tiles_BTCN.shape
    tiles = tiles_BTCN.reshape(batch, height // side, width // side, channels, side, side)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)


def analysis(side: int) -> Tensor:
    """The matrix [N, S] with pixels @ analysis = the orthonormal spectrum of a real patch, real parts first.

    A matrix product needs no complex numbers. It equals torch.fft.rfft2(norm="ortho"): only columns 0 to P/2 of the
    spectrum, because the others are their conjugates.
    """
    angle = _angles_NF(side)
    return torch.cat([angle.cos(), -angle.sin()], dim=1).div(side).float()


def synthesis(side: int) -> Tensor:
    """The inverse matrix [S, N]: spectrum @ synthesis = the patch, as in torch.fft.irfft2(norm="ortho")."""
    column = torch.arange(side // 2 + 1)
    twice = torch.where((column == 0) | (column == side // 2), 1.0, 2.0).repeat(side)  # a column and its conjugate
    angle = _angles_NF(side)
    return torch.cat([angle.cos() * twice, -angle.sin() * twice], dim=1).div(side).t().contiguous().float()


def _angles_NF(side: int) -> Tensor:
    place = torch.arange(side, dtype=torch.float64)
    half = place[: side // 2 + 1]
    rows = place[:, None, None, None] * place[None, None, :, None]
    columns = place[None, :, None, None] * half[None, None, None, :]
    return (2 * math.pi / side * (rows + columns)).reshape(side * side, side * (side // 2 + 1))
