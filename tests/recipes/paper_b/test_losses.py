"""Paper B's multi-scale loss against values worked out by hand."""

import math

import pytest
import torch

from training.recipes.paper_b import losses as multiscale

EPSILON = 1e-3


SIDE = multiscale.SPECTRUM_SIDE


def pyramid(value: float, batch: int = 2) -> list[torch.Tensor]:
    return [torch.full((batch, 3, size, size), value) for size in (16, 8, 4)]


def test_a_perfect_output_costs_the_epsilon_of_every_scale_and_no_more() -> None:
    clear, outputs = torch.full((2, 3, 16, 16), 0.4), pyramid(0.4)
    assert multiscale.charbonnier(outputs, clear).item() == pytest.approx(3 * EPSILON, rel=1e-4)
    assert multiscale.edge(outputs, clear).item() == pytest.approx(3 * EPSILON, rel=1e-4)
    assert multiscale.frequency(outputs, clear).item() == pytest.approx(0, abs=1e-6)


def test_a_constant_error_is_seen_by_pixels_and_the_lowest_frequency_but_not_by_edges() -> None:
    clear, outputs = torch.full((2, 3, 16, 16), 0.4), pyramid(0.7)
    each = math.sqrt(0.3**2 + EPSILON**2)
    assert multiscale.charbonnier(outputs, clear).item() == pytest.approx(3 * each, rel=1e-5)
    assert multiscale.edge(outputs, clear).item() == pytest.approx(3 * EPSILON, rel=1e-3)
    # the spectrum of a constant 0.3 over N pixels is 0.3 * N at one of N frequencies: its mean is 0.3
    assert multiscale.frequency(outputs, clear).item() == pytest.approx(3 * 0.3 * SIDE / 16, rel=1e-5)


def test_a_bright_pixel_has_a_laplacian_of_minus_four_and_four_ones() -> None:
    clear = torch.zeros(1, 1, 7, 7)
    output = clear.clone()
    output[..., 3, 3] = 1
    four, one, none = (math.sqrt(x**2 + EPSILON**2) for x in (4, 1, 0))
    found = multiscale.edge([output], clear).item()
    assert found == pytest.approx((four + 4 * one + 20 * none) / 25, rel=1e-5)
    # an impulse has a flat spectrum
    assert multiscale.frequency([output], clear).item() == pytest.approx(SIDE / 7, rel=1e-5)


def test_noise_costs_the_same_at_every_crop_and_the_printed_amount_at_the_default_one() -> None:
    chance = torch.Generator().manual_seed(0)
    found = {}
    for side in (64, SIDE, 256):
        noise = 0.05 * torch.randn(1, 3, side, side, generator=chance)
        found[side] = multiscale.frequency([noise], torch.zeros_like(noise)).item()
        if side == SIDE:
            assert found[side] == pytest.approx(torch.fft.fft2(noise).abs().mean().item(), rel=1e-5)
    assert found[64] == pytest.approx(found[256], rel=0.03) == pytest.approx(found[SIDE], rel=0.03)


def test_the_spectrum_is_that_of_the_definition() -> None:
    difference = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0)) - 0.5
    rows, columns = (torch.exp(-2j * math.pi / n * torch.outer(torch.arange(n), torch.arange(n))) for n in (6, 5))
    expected = (rows @ difference.to(torch.complex64) @ columns).abs().mean()
    torch.testing.assert_close(multiscale.spectral(difference, torch.zeros_like(difference)), expected)


def test_every_scale_is_compared_with_the_clear_image_averaged_to_its_size() -> None:
    clear = torch.rand(1, 3, 16, 16)
    pairs = multiscale.at_every_scale(pyramid(0.0, batch=1), clear)
    for output, target in pairs:
        assert output.shape == target.shape
        torch.testing.assert_close(target.mean(), clear.mean())
    torch.testing.assert_close(pairs[1][1][0, 0, 0, 0], clear[0, 0, :2, :2].mean())
    torch.testing.assert_close(pairs[2][1][0, 0, 0, 0], clear[0, 0, :4, :4].mean())


@pytest.mark.parametrize("term", [multiscale.charbonnier, multiscale.edge, multiscale.frequency])
def test_every_scale_of_an_error_gets_a_finite_gradient(term: object) -> None:
    clear = torch.rand(1, 3, 16, 16)
    outputs = [torch.rand(1, 3, size, size, dtype=torch.bfloat16, requires_grad=True) for size in (16, 8, 4)]
    loss = term(outputs, clear)  # type: ignore[operator]
    assert loss.dtype == torch.float32  # half precision has no Fourier transform, and rounds away the epsilon
    loss.backward()
    for output in outputs:
        assert output.grad is not None and output.grad.isfinite().all() and output.grad.abs().sum() > 0
