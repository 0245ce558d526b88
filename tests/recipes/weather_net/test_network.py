"""The networks' promises: mixtures equal their experts, routing sums to one, folding and padding change nothing."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support.warmed import warmed
from training.models.deploy import (
    DeployedRestorer,
    DeployedSegmenter,
    Restored,
    decide,
    fold_batch_norms,
    mask,
    prepare,
)
from training.models.layers import ConvNormAct, MixtureConv, upsample
from training.models.pyramid import Stem
from training.recipes.weather_net.config import WeatherNetConfig
from training.recipes.weather_net.deploy import DeployedWeatherNet
from training.recipes.weather_net.network import WeatherNet


@pytest.fixture(scope="module")
def net() -> WeatherNet:
    return warmed(lambda: WeatherNet(WeatherNetConfig()))


def test_the_model_has_about_a_million_parameters(net: WeatherNet) -> None:
    assert 0.7e6 < sum(p.numel() for p in net.parameters()) < 1.5e6


def test_mixing_kernels_equals_mixing_the_experts_outputs() -> None:
    torch.manual_seed(0)
    mixture, x, gate = MixtureConv(5, 7, experts=3), torch.randn(4, 5, 9, 11), torch.rand(4, 3).softmax(dim=1)
    kernels = mixture.kernels_EP.reshape(3, 7, 5, 3, 3)
    outputs = torch.stack([F.conv2d(x, k, b, padding=1) for k, b in zip(kernels, mixture.bias_EO, strict=True)], dim=1)
    torch.testing.assert_close(mixture(x, gate), torch.einsum("be,beohw->bohw", gate, outputs), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_shared_kernel_is_added_to_every_experts() -> None:
    torch.manual_seed(0)
    plain, mixture = MixtureConv(5, 7, experts=3), MixtureConv(5, 7, experts=3, shared=True)
    x, gate = torch.randn(4, 5, 9, 11), torch.rand(4, 3).softmax(dim=1)
    mixture.load_state_dict(plain.state_dict(), strict=False)
    shared = torch.randn(7, 5, 3, 3)
    assert mixture.shared_P is not None
    mixture.shared_P.copy_(shared.flatten())
    torch.testing.assert_close(mixture(x, gate), plain(x, gate) + F.conv2d(x, shared, padding=1))


def test_a_batch_of_mixtures_equals_one_sample_at_a_time() -> None:
    torch.manual_seed(0)
    mixture, x, gate = MixtureConv(4, 4, experts=2), torch.randn(3, 4, 8, 8), torch.rand(3, 2).softmax(dim=1)
    one_by_one = torch.cat([mixture(x[i : i + 1], gate[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(mixture(x, gate), one_by_one, rtol=1e-4, atol=1e-5)


def test_the_stem_is_pixel_unshuffle_and_a_pointwise_convolution() -> None:
    stem, image = Stem(48), torch.rand(2, 3, 16, 24)
    pointwise = stem.unshuffle.weight.reshape(48, 48, 1, 1)
    unshuffled = F.conv2d(F.pixel_unshuffle(image, 4), pointwise, stem.unshuffle.bias)
    torch.testing.assert_close(stem.unshuffle(image), unshuffled, rtol=1e-4, atol=1e-5)


def test_every_gate_is_a_distribution_and_the_decoder_is_routed_hard(net: WeatherNet) -> None:
    routing = net(torch.rand(5, 3, 64, 80)).routing
    for gate in (routing.weather_BK, routing.encoder8_BE, routing.encoder16_BE, routing.decoder_BK):
        torch.testing.assert_close(gate.sum(dim=1), torch.ones(5))
        assert (gate >= 0).all()
    assert set(routing.decoder_BK.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(routing.decoder_BK.argmax(dim=1), routing.weather_BK.argmax(dim=1))


def test_while_training_the_decoder_follows_the_given_weather(net: WeatherNet) -> None:
    weather = torch.tensor([3, 1, 2, 0])
    assert torch.equal(net(torch.rand(4, 3, 64, 64), weather).routing.decoder_BK.argmax(dim=1), weather)


def test_restoration_error_reaches_sgada_but_never_the_base_segmenter(net: WeatherNet) -> None:
    trained = copy.deepcopy(net).train()
    trained(torch.rand(2, 3, 64, 64)).restored_B3HW.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained.sgada.head.parameters())
    assert all(p.grad is None for p in trained.segmenter.parameters())


def test_weather_never_reaches_the_base_segmenters_statistics(net: WeatherNet) -> None:
    trained = copy.deepcopy(net).train()
    before = copy.deepcopy(trained.segmenter.state_dict())
    trained(torch.rand(4, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in trained.segmenter.state_dict().items())


@torch.inference_mode()
def test_folding_normalisations_changes_nothing(net: WeatherNet) -> None:
    folded, image = fold_batch_norms(copy.deepcopy(net)), torch.rand(2, 3, 64, 96)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.segmenter.modules())
    for expected, found in zip(net(image)[:3], folded(image)[:3], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 1), (5, 33), (64, 64), (97, 131)])
def test_any_size_goes_in_and_comes_out(net: WeatherNet, size: tuple[int, int]) -> None:
    frames = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = DeployedWeatherNet(net)(frames)
    assert restored.shape == frames.shape and restored.dtype == torch.uint8
    assert labels.shape == confidence.shape == (2, *size)
    assert int(labels.max()) < 11
    assert weather.shape == (2, 4) and gates.shape == (2, 10)


def test_padding_repeats_the_border_and_is_cropped_away() -> None:
    frame = torch.arange(33 * 40 * 3, dtype=torch.int64).remainder(256).to(torch.uint8).reshape(1, 33, 40, 3)
    image, (rows, columns) = prepare(frame)
    assert image.shape == (1, 3, 48, 48)
    assert torch.equal(image[:, :, 33:], image[:, :, 32:33].expand(-1, -1, 15, -1))
    cropped = image.permute(0, 2, 3, 1).index_select(1, rows).index_select(2, columns)
    assert torch.equal((cropped * 255).round().to(torch.uint8), frame)


@torch.inference_mode()
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_the_mask_is_the_likeliest_class_of_the_interpolated_probabilities(factor: int) -> None:
    logits = 3 * torch.randn(2, 11, 5, 7, generator=torch.Generator().manual_seed(factor))
    probabilities = upsample(logits.softmax(dim=1), factor)
    height, width = 5 * factor - 1, 7 * factor - 1  # the frame, of which all this is the padded size
    labels, confidence = mask(logits, factor, (torch.arange(height), torch.arange(width)))
    assert torch.equal(labels.long(), probabilities.argmax(dim=1)[:, :height, :width])
    highest = 255 * probabilities.amax(dim=1)[:, :height, :width]
    assert (confidence - highest).abs().max() <= 0.501  # rounded


def test_of_equally_likely_classes_the_mask_takes_the_first_and_never_one_that_there_is_not() -> None:
    everywhere = (torch.arange(1), torch.arange(1))
    tied = torch.tensor([0.1, 0.4, 0.4, 0.1]).reshape(1, 4, 1, 1)
    assert decide(tied, everywhere)[0].item() == 1
    assert decide(torch.full_like(tied, torch.nan), everywhere)[0].item() < 4


def test_the_base_model_passes_the_image_through(net: WeatherNet) -> None:
    frames = torch.randint(0, 256, (1, 70, 90, 3), dtype=torch.uint8)
    restored, labels, _, weather, gates = DeployedSegmenter(net.segmenter)(frames)
    assert torch.equal(restored, frames)
    assert labels.shape == (1, 70, 90)
    assert weather.tolist() == [[1.0]] and gates.shape == (1, 0)


class Darker(nn.Module):
    def forward(self, image_B3HW: Tensor) -> Restored:
        weather = image_B3HW.new_ones(len(image_B3HW), 1)
        return Restored(0.6 * image_B3HW - 0.1, weather, 0.5 * weather)


@torch.inference_mode()
def test_a_restorers_mask_is_the_base_segmenters_view_of_the_restored_frame(net: WeatherNet) -> None:
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = DeployedRestorer(net.segmenter, Darker(), 8)(frames)
    exact = (0.6 * frames.permute(0, 3, 1, 2) / 255 - 0.1).clamp(0, 1)
    assert (restored.permute(0, 3, 1, 2).float() - 255 * exact).abs().max() <= 0.501
    logits = net.segmenter(exact).softmax(dim=1)
    seen = F.interpolate(logits, size=(64, 64), mode="bilinear").max(dim=1)
    assert (labels == seen.indices).float().mean() > 0.999
    assert (confidence.float() - 255 * seen.values).abs().max() <= 1
    assert weather.tolist() == [[1.0]] and gates.tolist() == [[0.5]]


def test_an_even_kernel_is_a_patch_embedding() -> None:
    assert ConvNormAct(3, 8, kernel=4, stride=4)(torch.rand(2, 3, 16, 16)).shape == (2, 8, 4, 4)
