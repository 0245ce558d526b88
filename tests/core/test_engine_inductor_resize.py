"""For inductor a few channels are enlarged by a convolution, which gives what bilinear interpolation gives."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from weather_perception.core.engines.backends.inductor_resize import enlarge_by_convolution


class Enlarging(nn.Module):
    def __init__(self, factor: float, aligned: bool = False) -> None:
        super().__init__()
        self.factor, self.aligned = factor, aligned

    def forward(self, small: Tensor) -> Tensor:
        return F.interpolate(small, scale_factor=self.factor, mode="bilinear", align_corners=self.aligned) * 2


def rewritten(module: nn.Module, small: Tensor) -> tuple[Tensor, set[str]]:
    """What the rewritten program gives, and the operators in it."""
    program = enlarge_by_convolution(torch.export.export(module, (small,)))
    return program.module()(small), {str(node.target) for node in program.graph.nodes}


@pytest.mark.parametrize(("channels", "factor"), [(1, 2), (3, 4), (4, 8)])
def test_it_is_bilinear_interpolation_to_the_border(channels: int, factor: int) -> None:
    module = Enlarging(float(factor))
    small = torch.randn(2, channels, 5, 7, generator=torch.Generator().manual_seed(0))
    found, operators = rewritten(module, small)
    torch.testing.assert_close(found, module(small), atol=1e-5, rtol=0)
    assert "aten.upsample_bilinear2d.vec" not in operators


@pytest.mark.parametrize(("channels", "factor", "aligned"), [(5, 4.0, False), (3, 1.5, False), (3, 4.0, True)])
def test_every_other_resize_stays(channels: int, factor: float, aligned: bool) -> None:
    module, small = Enlarging(factor, aligned), torch.randn(1, channels, 6, 8)
    found, operators = rewritten(module, small)
    torch.testing.assert_close(found, module(small))
    assert "aten.upsample_bilinear2d.vec" in operators
