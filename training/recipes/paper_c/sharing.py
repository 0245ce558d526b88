"""CPSM, a convolution in which all weathers share some channels (paper C, abstract). A reconstruction.

Only the abstract of paper C is public. It says that channels are selected "for cross-task sharing based on the input
image" while "the remaining channels encode weather-specific features". Everything else is our decision.

Shape legend: B batch, C channels in, O channels out, H height, W width, E score experts, K weathers, P one channel's
kernel (C * side * side).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.paper_c.config import Sharing


class Route(NamedTuple):
    """The router's result: weights of the score experts and probabilities of the weathers; rows sum to one."""

    gate_BE: Tensor
    weather_BK: Tensor


class Shared(NamedTuple):
    """A convolution's output, and the mask of its shared channels: ones and zeros, with the gradient of the scores."""

    x_BOHW: Tensor
    mask_BO: Tensor


class ChannelSharedConv2d(nn.Module):
    """A convolution with a general kernel W and a kernel W_t per weather; each image chooses between them per channel.

    The image's kernel is m * W + (1 - m) * sum_t q_t W_t, with its mask m and its weather probabilities q. Convolution
    is linear, so mixing kernels equals mixing outputs, at the cost of one convolution. Each W_t starts as a copy of W,
    so an untrained module computes a plain convolution for any mask. The other kinds of `sharing` than `image` are for
    comparison; their masks are constant, except `relaxed`, which lets both kernels of a channel learn.
    """

    def __init__(self, conv: nn.Conv2d, weathers: int, experts: int, ratio: float, sharing: Sharing = "image") -> None:
        """Replace `conv`; at the start about `ratio` (0..1) of the channels are shared.

        Raises ValueError for a convolution with groups, or with padding other than a number of zeros.
        """
        super().__init__()
        if conv.groups != 1 or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
            raise ValueError(f"cannot share channels of {conv}: only plain convolutions with a padding of zeros")
        bias_O = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        self.kernel = (conv.in_channels, *conv.kernel_size)
        self.settings = {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation}
        self.general_OP = nn.Parameter(conv.weight.detach().flatten(1).clone())
        self.general_O = nn.Parameter(bias_O.clone())
        self.specific_KOP = nn.Parameter(self.general_OP.detach().expand(weathers, -1, -1).clone())
        self.specific_KO = nn.Parameter(bias_O.expand(weathers, -1).clone())
        self.sharing = sharing
        self.scores_EO = nn.Parameter(initial_scores(experts, conv.out_channels, ratio))
        self.scores_EO.requires_grad_(sharing in ("image", "relaxed"))

    def forward(self, x_BCHW: Tensor, route: Route) -> Shared:
        """Convolve each image with its own kernel; the weather probabilities may differ between images."""
        kernel_BOP, bias_BO, mask_BO = self.kernels(route)
        batch, channels, height, width = x_BCHW.shape
        outputs = len(self.general_O)
        joined = F.conv2d(
            x_BCHW.reshape(1, batch * channels, height, width),
            kernel_BOP.reshape(batch * outputs, *self.kernel),
            bias_BO.reshape(-1),
            groups=batch,
            **self.settings,
        )
        return Shared(joined.reshape(batch, outputs, *joined.shape[2:]), mask_BO)

    def kernels(self, route: Route) -> tuple[Tensor, Tensor, Tensor]:
        """The kernel [B, O, P], bias [B, O] and mask [B, O] of each image."""
        mask_BO = self.mask(route.gate_BE)
        kernel_BOP = choose(mask_BO[:, :, None], self.general_OP, self._specific(route, self.specific_KOP))
        bias_BO = choose(mask_BO, self.general_O, self._specific(route, self.specific_KO))
        return kernel_BOP, bias_BO, mask_BO

    def mask(self, gate_BE: Tensor) -> Tensor:
        """m = 1 if the gated score of a channel is above 1/2, else 0; its gradient is that of the score.

        With `relaxed`, m is the score itself, also after training. With `frozen` it is the first expert's initial
        choice for every image, with `all` 1 and with `none` 0.
        """
        score_BO = gate_BE @ self.scores_EO.sigmoid()
        if self.sharing == "relaxed":
            return score_BO
        if self.sharing == "frozen":
            return (self.scores_EO[0] > 0).to(score_BO.dtype).expand(len(score_BO), -1)
        if self.sharing in ("all", "none"):
            return torch.full_like(score_BO, float(self.sharing == "all"))
        hard_BO = (score_BO > 0.5).to(score_BO.dtype)
        return hard_BO + (score_BO - score_BO.detach()) if self.training else hard_BO

    @staticmethod
    def _specific(route: Route, weights_Kx: Tensor) -> Tensor:
        """sum_t q_t W_t for every image."""
        mixed = route.weather_BK @ weights_Kx.flatten(1)
        return mixed.reshape(-1, *weights_Kx.shape[1:])

    @property
    def specific_parameters(self) -> tuple[nn.Parameter, nn.Parameter]:
        """The weather-specific weights, which gradient homogenisation leaves out."""
        return self.specific_KOP, self.specific_KO


class FilmConv2d(ChannelSharedConv2d):
    """A convolution that all weathers share, whose output the weather scales and shifts, channel by channel.

    FiLM (Perez et al., AAAI 2018), the plain alternative to kernels of each weather's own:
    y = (1 + sum_t q_t scale_t) * conv(x) + sum_t q_t shift_t, with scale and shift 0 at the start. It draws the same
    first weights as its base class.
    """

    def __init__(self, conv: nn.Conv2d, weathers: int, experts: int, ratio: float) -> None:
        super().__init__(conv, weathers, experts, ratio, "all")
        del self.specific_KOP, self.specific_KO
        self.scale_KO, self.shift_KO = (nn.Parameter(torch.zeros(weathers, conv.out_channels)) for _ in range(2))

    def kernels(self, route: Route) -> tuple[Tensor, Tensor, Tensor]:
        """The scaled kernel [B, O, P], the scaled and shifted bias [B, O] and a mask of ones [B, O] of each image."""
        factor_BO = 1 + route.weather_BK @ self.scale_KO
        bias_BO = factor_BO * self.general_O + route.weather_BK @ self.shift_KO
        return factor_BO[:, :, None] * self.general_OP, bias_BO, self.mask(route.gate_BE)

    @property
    def specific_parameters(self) -> tuple[nn.Parameter, nn.Parameter]:
        """The weathers' scales and shifts."""
        return self.scale_KO, self.shift_KO


def shared_convolution(
    conv: nn.Conv2d, weathers: int, experts: int, ratio: float, sharing: Sharing
) -> ChannelSharedConv2d:
    """The convolution of this kind of sharing."""
    if sharing == "film":
        return FilmConv2d(conv, weathers, experts, ratio)
    return ChannelSharedConv2d(conv, weathers, experts, ratio, sharing)


def choose(mask: Tensor, general: Tensor, specific: Tensor) -> Tensor:
    """m * W + (1 - m) * W_t, exact if the mask is 0 or 1."""
    return mask * general + (1 - mask) * specific


def initial_scores(experts: int, channels: int, ratio: float) -> Tensor:
    """Logits [E, O] with scores above 1/2 for about `ratio` of the channels, slightly different for each expert."""
    normal_O = torch.randn(channels) + torch.special.ndtri(torch.tensor(ratio))
    return normal_O + 0.3 * torch.randn(experts, channels)
