"""The networks' upsampling is bilinear interpolation, by a convolution for few channels, in every form of a model."""

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from training.models.layers import upsample


def interpolated(x_BCHW: Tensor, factor: int) -> Tensor:
    return F.interpolate(x_BCHW, scale_factor=float(factor), mode="bilinear", align_corners=False)


class Upsampling(nn.Module):
    def forward(self, x_BCHW: Tensor) -> Tensor:
        return upsample(x_BCHW, 4) * 2


@pytest.mark.parametrize(("channels", "factor"), [(1, 2), (3, 4), (4, 8), (3, 3), (5, 4), (32, 2)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_bilinear_interpolation_to_the_border(channels: int, factor: int, layout: torch.memory_format) -> None:
    x = torch.randn(2, channels, 5, 7, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    torch.testing.assert_close(upsample(x, factor), interpolated(x, factor), atol=1e-5, rtol=0)
    torch.testing.assert_close(upsample(x[:, :, :1, :1], factor), interpolated(x[:, :, :1, :1], factor))


def test_gradients_are_those_of_interpolation() -> None:
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 20, 28, dtype=torch.float64)
    (found,) = torch.autograd.grad((upsample(x, 4) * weights).sum(), x)
    (expected,) = torch.autograd.grad((interpolated(x, 4) * weights).sum(), x)
    torch.testing.assert_close(found, expected)


def test_it_exports_with_batch_height_and_width_dynamic_and_without_an_interpolation() -> None:
    sizes = {0: Dim("batch", min=1, max=64), 2: Dim("height", min=1, max=2048), 3: Dim("width", min=1, max=2048)}
    program = torch.export.export(
        Upsampling(),
        (torch.zeros(2, 3, 9, 11),),
        dynamic_shapes=(sizes,),
        prefer_deferred_runtime_asserts_over_guards=True,
    )
    assert not [node for node in program.graph.nodes if "upsample" in str(node.target)]
    for shape in ((1, 3, 9, 11), (3, 3, 40, 23)):
        x = torch.randn(shape)
        torch.testing.assert_close(program.module()(x), interpolated(x, 4) * 2, atol=1e-5, rtol=0)
