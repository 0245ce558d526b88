"""The three experts against plain references: MDTA, sparse window attention, correlation by torch.fft."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.paper_b.experts import (
    ChannelExpert,
    FrequencyExpert,
    SpatialExpert,
    analysis,
    cut,
    join,
    most_alike,
    synthesis,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def gradients(module: nn.Module, output: Tensor, x: Tensor) -> list[Tensor]:
    """Of an uneven sum of the output: by the input, then by every parameter."""
    weights = torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape)
    return list(torch.autograd.grad((output * weights).sum(), [x, *module.parameters()]))


def assert_same(module: nn.Module, output: Tensor, expected: Tensor, x: Tensor) -> None:
    """Equal forward, and equal gradients by the input and every parameter."""
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)
    for found, wanted in zip(gradients(module, output, x), gradients(module, expected, x), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def plain_mdta(expert: ChannelExpert, x: Tensor) -> Tensor:
    """The printed equations, sample by sample and head by head."""
    q, k, v = expert.projection(x).chunk(3, dim=1)
    outputs = []
    for sample in range(len(x)):
        rows = []
        for head, temperature in enumerate(expert.log_temperature_h11.flatten().exp()):
            size = x.shape[1] // expert.heads
            channels = slice(head * size, (head + 1) * size)
            query, key, value = (part[sample, channels].flatten(1) for part in (q, k, v))
            query = query / query.norm(dim=1, keepdim=True)
            key = key / key.norm(dim=1, keepdim=True)
            rows.append(torch.softmax(query @ key.T / temperature, dim=1) @ value)
        outputs.append(torch.cat(rows).reshape(x.shape[1:]))
    return expert.output(torch.stack(outputs))


@pytest.mark.parametrize("heads", [1, 4])
def test_the_channel_expert_is_mdta(heads: int) -> None:
    expert = ChannelExpert(8, heads)
    nn.init.normal_(expert.log_temperature_h11)
    x = torch.randn(2, 8, 6, 10, requires_grad=True)
    assert_same(expert, expert(x), plain_mdta(expert, x), x)


def heads_of(expert: SpatialExpert, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K, V as [B, heads, pixels, channels]."""
    q, k, v = (
        p.unflatten(1, (expert.heads, -1)).flatten(3).transpose(2, 3) for p in expert.projection(x).chunk(3, dim=1)
    )
    return q, k, v


@pytest.mark.parametrize("heads", [1, 2])
def test_with_every_key_kept_the_global_form_is_dense_attention(heads: int) -> None:
    expert = SpatialExpert(6, heads, window=None, share=1.0)
    x = torch.randn(2, 6, 4, 6, requires_grad=True)
    dense = F.scaled_dot_product_attention(*heads_of(expert, x))
    assert_same(expert, expert(x), expert.output(dense.transpose(2, 3).reshape(x.shape)), x)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_windows_are_the_global_form_of_each_window_alone(share: float) -> None:
    expert, x = SpatialExpert(4, 2, window=4, share=share), torch.randn(2, 4, 8, 12)
    expert.output = cast(nn.Conv2d, nn.Identity())  # the 3x3 convolution looks over the windows' borders
    projected = expert.projection(x)
    alone = SpatialExpert(4, 2, window=None, share=share)
    alone.output = cast(nn.Conv2d, nn.Identity())
    found = expert(x)
    for row in range(0, 8, 4):
        for column in range(0, 12, 4):
            place = (..., slice(row, row + 4), slice(column, column + 4))
            alone.projection.forward = lambda _, cut=projected[place]: cut  # type: ignore[method-assign]
            torch.testing.assert_close(found[place], alone(x[place]), rtol=1e-4, atol=1e-5)


def sparse_query_by_query(expert: SpatialExpert, x: Tensor, kept: int) -> Tensor:
    """Top-k, scatter and softmax, one query at a time, as the paper writes it."""
    q, k, v = heads_of(expert, x)
    output = torch.zeros_like(v)
    for sample in range(q.shape[0]):
        for head in range(q.shape[1]):
            for query in range(q.shape[2]):
                scores = k[sample, head] @ q[sample, head, query] / q.shape[3] ** 0.5
                largest = torch.topk(scores, kept)
                scattered = torch.full_like(scores, float("-inf")).scatter(0, largest.indices, largest.values)
                output[sample, head, query] = torch.softmax(scattered, dim=0) @ v[sample, head]
    return expert.output(output.transpose(2, 3).reshape(x.shape))


def test_at_seventy_percent_the_spatial_expert_keeps_the_same_keys_as_a_loop_over_queries() -> None:
    expert = SpatialExpert(4, 2, window=None, share=0.7)
    x = torch.randn(2, 4, 4, 5, requires_grad=True)
    assert_same(expert, expert(x), sparse_query_by_query(expert, x, kept=14), x)


@pytest.mark.parametrize(("share", "kept"), [(0.01, 1), (0.5, 8), (0.7, 11), (1.0, 16)])
def test_a_share_of_the_keys_is_kept_and_they_are_the_largest(share: float, kept: int) -> None:
    scores = torch.randn(3, 5, 16)
    found = most_alike(scores, share)
    assert ((found > float("-inf")).sum(dim=2) == kept).all()
    assert torch.equal(found.sort(dim=2).values[..., -kept:], scores.sort(dim=2).values[..., -kept:])


def test_a_flat_sky_attends_evenly() -> None:
    attention = most_alike(torch.ones(1, 4, 4), 0.7).softmax(dim=2)
    torch.testing.assert_close(attention, torch.full((1, 4, 4), 0.25))


def by_fft(expert: FrequencyExpert, x: Tensor) -> Tensor:
    """The printed equations with torch.fft, patch by patch."""
    q, k, v = expert.projection(x).chunk(3, dim=1)
    side, refined = expert.patch, torch.zeros_like(v)
    for row in range(0, x.shape[2], side):
        for column in range(0, x.shape[3], side):
            place = (..., slice(row, row + side), slice(column, column + side))
            spectrum = torch.fft.fft2(q[place], norm="ortho") * torch.fft.fft2(k[place], norm="ortho").conj()
            correlation = torch.fft.ifft2(spectrum, norm="ortho")
            assert correlation.imag.abs().max() < 1e-4
            refined[place] = correlation.real * v[place]
    return expert.output(refined)


@pytest.mark.parametrize("patch", [2, 4, 8])
def test_the_frequency_expert_is_correlation_by_fft_forward_and_backward(patch: int) -> None:
    expert, x = FrequencyExpert(3, patch), torch.randn(2, 3, 16, 24, requires_grad=True)
    assert_same(expert, expert(x), by_fft(expert, x), x)


@pytest.mark.parametrize("side", [2, 4, 6, 8])
def test_the_matrices_are_the_fourier_transform_and_its_inverse(side: int) -> None:
    patches = torch.randn(5, side, side)
    spectrum = patches.flatten(1) @ analysis(side)
    expected = torch.fft.rfft2(patches, norm="ortho").flatten(1)
    torch.testing.assert_close(spectrum, torch.cat([expected.real, expected.imag], dim=1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(spectrum @ synthesis(side), patches.flatten(1), rtol=1e-5, atol=1e-5)
    other = torch.randn(5, side * (side // 2 + 1), dtype=torch.complex64)  # no image's spectrum: edges are projected
    inverse = torch.cat([other.real, other.imag], dim=1) @ synthesis(side)
    back = torch.fft.irfft2(other.unflatten(1, (side, -1)), s=(side, side), norm="ortho")
    torch.testing.assert_close(inverse, back.flatten(1), rtol=1e-5, atol=1e-5)


def test_tiles_are_cut_row_by_row_and_joined_again() -> None:
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    tiles = cut(x, 2)
    assert tiles.shape == (2, 6, 3, 4)
    assert torch.equal(tiles[1, 4, 2], x[1, 2, 2:4, 2:4].flatten())
    assert torch.equal(join(tiles, 2, 4, 6), x)


def test_channels_that_no_head_can_share_are_refused() -> None:
    for build in (lambda: ChannelExpert(6, 4), lambda: SpatialExpert(6, 4, 8, 0.7)):
        with pytest.raises(ValueError, match="6 channels of an expert cannot be split among 4 heads"):
            build()
