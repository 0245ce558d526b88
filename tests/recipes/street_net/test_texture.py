"""The router's fixed filters tell bright lines from dark ones, show a veil as one step, fill any grid."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.recipes.street_net.levels import GRID
from training.recipes.street_net.texture import EDGES, STATISTICS, Texture

RIDGES = len(EDGES), len(EDGES) + 10
FINE = 10  # the first channel of the strengths at full size, after brightness and extremes


def statistics(image_B3HW: Tensor) -> Tensor:
    return Texture()(image_B3HW, F.avg_pool2d(image_B3HW, 4))


@torch.inference_mode()
def strengths(image_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean strength, on its logarithmic scale, of edges and of bright and of dark ridges and dots."""
    means = statistics(image_B3HW)[:, FINE:].mean(dim=(0, 2, 3))
    first, last = RIDGES
    return means[:first], means[first:last], means[last : last + last - first]


def lines(background: float, line: float) -> Tensor:
    image = torch.full((1, 3, 96, 160), background)
    image[..., ::12] = line
    return image


def test_bright_lines_are_told_from_dark_ones_and_upright_ones_from_flat_ones() -> None:
    _, bright, dark = strengths(lines(0.4, 0.9))
    _, inverse_bright, inverse_dark = strengths(lines(0.9, 0.4))
    assert bright[0] > dark[0] and inverse_dark[0] > inverse_bright[0]
    flat = strengths(lines(0.4, 0.9)[..., :96].transpose(2, 3))[1]
    assert bright[0] > bright[1] + 1 and flat[1] > flat[0] + 1


def test_a_veil_weakens_every_edge_by_the_same_step() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 96, 160)
    clear, veiled = strengths(image)[0], strengths(0.5 * image + 0.4)[0]
    torch.testing.assert_close(clear - veiled, torch.full_like(clear, 0.6931 / 1.5), atol=0.05, rtol=0)


@pytest.mark.parametrize("size", [(16, 16), (64, 80), (360, 640), (720, 1280)])
@torch.inference_mode()
def test_frames_of_any_size_have_the_grid_s_cells(size: tuple[int, int]) -> None:
    height, width = (16 * -(-side // 16) for side in size)
    found = statistics(torch.rand(1, 3, height, width))
    assert found.shape == (1, STATISTICS, *GRID)
    assert found.isfinite().all() and found.abs().max() < 4


def test_nothing_in_it_is_trained_or_saved() -> None:
    assert not list(Texture().parameters()) and not Texture().state_dict()
