"""A model file exported again for a compiler: at one size and batch, and in lower precision."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from tests.support.tiny import tiny_manifest
from weather_perception.core.engines.backends.fixed_size import at_fixed_size
from weather_perception.core.engines.base import Target
from weather_perception.core.program import Program

HEIGHT, WIDTH = 24, 32
TYPES = [torch.uint8, torch.uint8, torch.uint8, torch.float32, torch.float32]


class Convolving(nn.Module):
    """Where precision matters: a convolution, a type that is asked for by name, and gates straight from a product."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.gates = nn.Linear(3, 2)

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, ...]:
        image = image_BHW3.permute(0, 3, 1, 2).float() / 255
        change = self.convolution(image).index_select(2, torch.arange(image_BHW3.shape[1])).to(torch.float32)
        restored = ((image + 0.1 * change).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        mean = image.mean(dim=(2, 3))
        labels = (change[:, 0] > 0).to(torch.uint8)
        return restored, labels, labels * 255, torch.softmax(mean, dim=1), self.gates(mean).sigmoid()


@pytest.fixture(scope="module")
def program() -> Program:
    shape = {0: Dim("batch", min=1, max=64), 1: Dim("height", min=1, max=512), 2: Dim("width", min=1, max=512)}
    exported = torch.export.export(
        Convolving().eval(),
        (torch.zeros(2, 10, 12, 3, dtype=torch.uint8),),
        dynamic_shapes=(shape,),
        prefer_deferred_runtime_asserts_over_guards=True,
    )
    return Program(exported, tiny_manifest(), "", Path())


@torch.inference_mode()
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_does_as_the_model_file_with_the_largest_batch(program: Program, batch: int, precision: str) -> None:
    found = at_fixed_size(program, Target(HEIGHT, WIDTH, batch, precision), cast=True).module()
    frames = torch.randint(0, 256, (batch, HEIGHT, WIDTH, 3), dtype=torch.uint8)
    given = found(frames)
    assert [output.dtype for output in given] == TYPES
    for expected, output in zip(program.exported.module()(frames)[::3], given[::3], strict=True):
        assert (expected.float() - output.float()).abs().max() <= (1 if expected.dtype == torch.uint8 else 0.01)


def test_only_convolutions_and_products_are_cast_and_only_where_it_is_asked_for(program: Program) -> None:
    def taken_by_convolution(cast: bool) -> torch.dtype:
        graph = at_fixed_size(program, Target(HEIGHT, WIDTH, 1, "bf16"), cast).graph
        (node,) = (node for node in graph.nodes if "conv2d" in str(node.target))
        return node.args[0].meta["val"].dtype

    assert taken_by_convolution(cast=True) == torch.bfloat16
    assert taken_by_convolution(cast=False) == torch.float32
