"""Building blocks that the networks share: normalised convolutions, a residual block and a mixture of kernels.

Shape legend: B batch, C channels in, O channels out, H height, W width, E experts, P a flattened kernel (O*C*3*3).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW_CHANNELS = 4
"""Up to so many channels, `upsample` is faster as a convolution."""


class PixelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of every pixel of x [B, C, H, W]."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return super().forward(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNormAct(nn.Sequential):
    """A 3x3 (or `kernel`) convolution, batch normalisation and ReLU; export folds the normalisation away."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2) if kernel % 2 else 0  # an even kernel is a patch embedding
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class ResidualBlock(nn.Module):
    """x + conv(conv(x)), both normalised, the second one dilated."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = ConvNormAct(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.relu(x_BCHW + self.second(self.first(x_BCHW)))


class MixtureConv(nn.Module):
    """One 3x3 convolution whose kernel is the gated sum of E experts' kernels, sample by sample.

    Convolution is linear, so mixing kernels equals mixing the experts' outputs, at the cost of one convolution.
    One-hot gates make it a hard-routed mixture. With `shared`, every expert's kernel is a change of one that all share,
    so that rare routes learn from the others too.
    """

    def __init__(self, inputs: int, outputs: int, experts: int, shared: bool = False) -> None:
        super().__init__()
        self.outputs = outputs
        bound = 1 / math.sqrt(9 * inputs)
        self.kernels_EP = nn.Parameter(torch.empty(experts, outputs * inputs * 9).uniform_(-bound, bound))
        self.bias_EO = nn.Parameter(torch.zeros(experts, outputs))
        if shared:
            self.shared_P = nn.Parameter(torch.zeros(outputs * inputs * 9))
        else:
            self.register_parameter("shared_P", None)

    def forward(self, x_BCHW: Tensor, gate_BE: Tensor) -> Tensor:
        """Convolve each sample with its own mixture; `gate_BE` rows sum to one. Returns [B, O, H, W]."""
        batch, channels, height, width = x_BCHW.shape
        kernels_BP = gate_BE @ self.kernels_EP
        if self.shared_P is not None:
            kernels_BP = kernels_BP + self.shared_P
        bias_BO = gate_BE @ self.bias_EO
        grouped = F.conv2d(
            x_BCHW.reshape(1, batch * channels, height, width),
            kernels_BP.reshape(batch * self.outputs, channels, 3, 3),
            bias_BO.reshape(-1),
            padding=1,
            groups=batch,
        )
        return grouped.reshape(batch, self.outputs, height, width)


class MixtureBlock(nn.Module):
    """A residual block whose second convolution is a soft-routed mixture of experts (paper B, section 3.2, encoder)."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.first = ConvNormAct(width, width)
        self.mixture = MixtureConv(width, width, experts)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x_BCHW: Tensor, gate_BE: Tensor) -> Tensor:
        return F.relu(x_BCHW + self.norm(self.mixture(self.first(x_BCHW), gate_BE)))


class SignedBlock(nn.Module):
    """A residual block without norms whose features keep their signs, as image restoration needs them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.second(F.relu(self.first(x_BCHW)))


def upsample(x_BCHW: Tensor, factor: int) -> Tensor:
    """Bilinear upsampling by a whole factor, corners not aligned: [B, C, factor * H, factor * W].

    Compilers interpolate planes of few channels pixel by pixel. A convolution to the `factor` x `factor` pixels of each
    cell, then interleaved, is the same weighted sum of the same neighbours in a fraction of the time.
    """
    channels = x_BCHW.shape[1]
    if channels > FEW_CHANNELS:
        return F.interpolate(x_BCHW, scale_factor=float(factor), mode="bilinear", align_corners=False)
    taps_F3 = bilinear_taps(factor)
    cell_F133 = [[[[row * column for column in across] for row in down]] for down in taps_F3 for across in taps_F3]
    cells = F.conv2d(repeat_border(x_BCHW), x_BCHW.new_tensor(cell_F133 * channels), groups=channels)
    return F.pixel_shuffle(cells, factor)


def bilinear_taps(factor: int) -> list[tuple[float, float, float]]:
    """The weights of the neighbour before, the pixel itself and the neighbour after, at each of `factor` places."""
    centres = ((place + 0.5) / factor - 0.5 for place in range(factor))
    return [(max(-centre, 0.0), 1 - abs(centre), max(centre, 0.0)) for centre in centres]


def repeat_border(x_BCHW: Tensor) -> Tensor:
    """One more row and column on every side, by index selection: torch.export needs that of dynamic sizes."""
    for dim in (2, 3):
        size = x_BCHW.shape[dim]
        x_BCHW = x_BCHW.index_select(dim, torch.arange(-1, size + 1, device=x_BCHW.device).clamp(0, size - 1))
    return x_BCHW


def check_size(network: str, x_BCHW: Tensor, multiple: int) -> None:
    """Raises ValueError unless H and W are multiples of `multiple`."""
    height, width = x_BCHW.shape[2:]
    if height % multiple or width % multiple:
        raise ValueError(
            f"{network}: height and width must be multiples of {multiple}, got {height} x {width}; "
            "crop or pad the batch (deployed models pad inside)"
        )


def downsampling(width: int) -> nn.Sequential:
    """[B, C, H, W] -> [B, 2C, H/2, W/2]: a convolution and pixel unshuffle."""
    return nn.Sequential(nn.Conv2d(width, width // 2, 3, padding=1, bias=False), nn.PixelUnshuffle(2))


def upsampling(width: int) -> nn.Sequential:
    """[B, C, H, W] -> [B, C/2, 2H, 2W]: a convolution and pixel shuffle."""
    return nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.PixelShuffle(2))


def pooled_statistics(x_BCHW: Tensor) -> Tensor:
    """Mean and standard deviation of every channel over the frame, [B, 2C]."""
    mean = x_BCHW.mean(dim=(2, 3))
    variance = (x_BCHW * x_BCHW).mean(dim=(2, 3)) - mean * mean
    return torch.cat([mean, (variance.clamp(min=0) + 1e-5).sqrt()], dim=1)


def one_hot(index_B: Tensor, like_BK: Tensor) -> Tensor:
    """Rows of `like_BK`'s width and type with a one at each index."""
    return F.one_hot(index_B, like_BK.shape[1]).to(like_BK.dtype)
