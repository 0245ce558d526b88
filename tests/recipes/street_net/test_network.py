"""StreetNet's promises: gentle levels, evidence from any cell, clear frames unchanged, a mask that bends no picture."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support.warmed import warmed
from training.recipes.street_net.config import StreetNetConfig, street_smoke
from training.recipes.street_net.deploy import DeployedStreetNet, gate_names
from training.recipes.street_net.levels import GRID, Levels, Trunk, sum_of_bins, toned
from training.recipes.street_net.network import Prediction, StreetNet
from training.recipes.street_net.router import StreetRouter
from training.recipes.street_net.texture import STATISTICS


@pytest.fixture(scope="module")
def net() -> StreetNet:
    return warmed(lambda: StreetNet(StreetNetConfig()))


def predicted(net: StreetNet, image_B3HW: Tensor, clear: float) -> Prediction:
    """The prediction if the evidence for clear weather is as given, in every cell."""
    certain = copy.deepcopy(net)
    with torch.no_grad():
        certain.router.evidence.weight.zero_()
        certain.router.evidence.bias.zero_()  # type: ignore[union-attr]  # a convolution with a bias
        certain.router.evidence.bias[0] = clear  # type: ignore[index]
        certain.router.weather.weight.zero_()
        certain.router.weather.bias.zero_()
    prediction: Prediction = certain(image_B3HW)
    return prediction


@torch.inference_mode()
def test_levels_start_near_the_identity_and_are_exactly_that_for_a_grid_of_zeros() -> None:
    torch.manual_seed(0)
    trunk, levels, image = Trunk(64).eval(), Levels(64, 4), torch.rand(2, 3, 64, 96)
    quarter = F.avg_pool2d(image, 4)
    assert (toned(image, levels(trunk(quarter), quarter)) - image).abs().mean() < 0.05
    levels.grid.weight.zero_()
    assert torch.equal(toned(image, levels(trunk(quarter), quarter)), image)


@torch.inference_mode()
def test_tones_are_a_gain_and_an_offset_of_each_colour() -> None:
    image = torch.rand(1, 3, 8, 12)
    tones = torch.tensor([0.5, 0.0, -1.0, 0.1, 0.0, 0.2])[None, :, None, None].expand(-1, -1, 2, 3)
    red, green, blue = image.unbind(dim=1)
    torch.testing.assert_close(toned(image, tones), torch.stack([1.5 * red + 0.1, green, 0 * blue + 0.2], dim=1))


@torch.inference_mode()
def test_levels_change_dark_and_bright_pixels_apart() -> None:
    maps = torch.arange(4.0).repeat_interleave(6).reshape(1, 24, 1, 1).expand(-1, -1, 2, 2)
    place = torch.tensor([[0.0, 1.0], [2.25, 3.0]])[None, None]
    torch.testing.assert_close(sum_of_bins(maps, place, 4), place.expand(-1, 6, -1, -1))


@torch.inference_mode()
@pytest.mark.parametrize("cell", [(0, 0), (4, 8), (8, 15)])
def test_evidence_in_one_cell_counts_wherever_it_is(cell: tuple[int, int]) -> None:
    router = StreetRouter(2, weathers=3, experts=2)
    router.cells = nn.Sequential(nn.Conv2d(2 + STATISTICS, 2, 1))
    seen, texture = torch.zeros(1, 2, *GRID), torch.zeros(1, STATISTICS, *GRID)
    for part in (router.cells[0], router.evidence, router.attention, router.weather):
        part.weight.zero_()
        part.bias.zero_()
    router.cells[0].weight[0, 0] = 1.0  # the cells are the trunk's first channel
    router.evidence.bias[0] = 1.0  # type: ignore[index]  # without evidence, it is clear
    router.evidence.weight[1, 0] = 3.0
    assert router(seen, texture).weather_BK.argmax() == 0
    seen[0, 0, cell[0], cell[1]] = 1.0
    assert router(seen, texture).weather_BK.argmax() == 0  # a mean over all cells would miss it
    router.attention.weight[1, 0] = 10.0
    assert router(seen, texture).weather_BK.argmax() == 1


def test_streaks_too_fine_for_the_small_view_reach_the_router(net: StreetNet) -> None:
    """Black and white lines of one pixel are grey in the small view, and only there."""
    lines = torch.zeros(1, 3, 288, 512)
    lines[..., ::2] = 1.0
    grey = torch.full_like(lines, 0.5)
    torch.testing.assert_close(net.trunk(F.avg_pool2d(lines, 4)), net.trunk(F.avg_pool2d(grey, 4)))
    assert (net.restore(lines).routing.logits_BK - net.restore(grey).routing.logits_BK).abs().max() > 1e-3


@torch.inference_mode()
def test_a_weather_that_is_told_chooses_the_expert_and_a_row_of_zeros_tells_none(net: StreetNet) -> None:
    image = torch.rand(1, 3, 64, 80).expand(3, -1, -1, -1)
    told = torch.zeros(3, 6)
    told[0, 0] = told[1, 2] = 1.0
    clear, rain, free = net.restore(image, told).restored_B3HW
    assert torch.equal(clear, image[0])
    torch.testing.assert_close(free, net.restore(image[:1]).restored_B3HW[0])
    assert (rain - free).abs().mean() > 1e-4


@torch.inference_mode()
def test_gates_are_distributions_and_severities_shares(net: StreetNet) -> None:
    routing = net.restore(torch.rand(5, 3, 64, 80)).routing
    for gate in (routing.weather_BK, routing.encoder8_BE, routing.encoder16_BE):
        torch.testing.assert_close(gate.sum(dim=1), torch.ones(5))
        assert (gate >= 0).all()
    assert routing.severity_BK.shape == (5, 6) and routing.novelty_B1.shape == (5, 1)
    assert ((routing.severity_BK >= 0) & (routing.severity_BK <= 1)).all()


@torch.inference_mode()
def test_a_clear_posterior_leaves_the_frame_unchanged(net: StreetNet) -> None:
    image = torch.rand(2, 3, 64, 80)
    assert torch.equal(predicted(net, image, clear=200.0).restoration.restored_B3HW, image)
    doubtful, certain = (predicted(net, image, clear).restoration.restored_B3HW - image for clear in (0.0, -200.0))
    assert 0 < doubtful.abs().mean() < certain.abs().mean()


@torch.inference_mode()
def test_detail_is_as_large_as_the_frame_tones_a_quarter_and_both_start_faint(net: StreetNet) -> None:
    gate = torch.full((2, 3), 1 / 3)
    features = net.encoder(net.stem(torch.rand(2, 3, 32, 48)), gate, gate)
    detail, tones = net.egsyn(features, torch.full((2, 6), 1 / 6))
    assert detail.shape == (2, 3, 32, 48) and tones.shape == (2, 6, 8, 12)
    assert detail.abs().mean() < 0.2 and tones.abs().mean() < 0.2


@torch.inference_mode()
def test_the_detail_sees_the_frames_own_pixels_and_their_signs(net: StreetNet) -> None:
    """Streaks are finer than any level below: without those the detail still follows the frame."""
    own, image = copy.deepcopy(net), torch.rand(2, 3, 64, 80)
    own.egsyn.up.weight.zero_()
    weather = torch.eye(6)[[2, 2]]
    first, second = own.detail(image, weather)
    assert (first - second).abs().mean() > 1e-3
    assert (own.stem(image) < 0).float().mean() > 0.2


@torch.inference_mode()
def test_particles_go_before_the_veil(net: StreetNet) -> None:
    """A detail is amplified as much as the scene behind the veil."""
    image, before = torch.rand(1, 3, 64, 80), copy.deepcopy(net)
    before.egsyn.detail.weight.zero_()
    before.egsyn.detail.bias.fill_(0.1)  # type: ignore[union-attr]  # a convolution with a bias
    before.egsyn.tones.weight.zero_()
    before.egsyn.tones.bias.copy_(torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))  # type: ignore[union-attr]
    before.levels.grid.weight.zero_()
    certain = predicted(before, image, clear=-200.0).restoration.restored_B3HW
    torch.testing.assert_close(certain, 2 * (image + 0.1))


@torch.inference_mode()
def test_the_mask_is_of_a_second_look_at_the_restored_frame(net: StreetNet) -> None:
    prediction = predicted(net, torch.rand(2, 3, 64, 80), clear=-200.0)
    assert torch.equal(prediction.base_BKHW, net.segmenter(prediction.restoration.restored_B3HW.clamp(0, 1)))
    assert prediction.base_BKHW.shape == (2, 11, 8, 10) and prediction.refined_BKHW.shape == (2, 11, 16, 20)


def test_no_gradient_passes_from_the_mask_to_the_restoration_or_the_base_segmenter(net: StreetNet) -> None:
    trained = copy.deepcopy(net).train()
    trained(torch.rand(2, 3, 64, 64)).refined_BKHW.square().sum().backward()
    untouched = [*trained.egsyn.parameters(), *trained.segmenter.parameters()]
    assert all(parameter.grad is None for parameter in untouched)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained.sgada.head.parameters())


def test_weather_never_reaches_the_base_segmenters_statistics(net: StreetNet) -> None:
    trained = copy.deepcopy(net).train()
    before = copy.deepcopy(trained.segmenter.state_dict())
    trained(torch.rand(4, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in trained.segmenter.state_dict().items())


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 1), (5, 33), (97, 131)])
def test_any_size_goes_in_and_comes_out_with_a_gate_for_every_name(net: StreetNet, size: tuple[int, int]) -> None:
    frames = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = DeployedStreetNet(net)(frames)
    assert restored.shape == frames.shape and restored.dtype == torch.uint8
    assert labels.shape == confidence.shape == (2, *size) and int(labels.max()) < 11
    names = gate_names(street_smoke().model)
    assert weather.shape == (2, 6) and gates.shape == (2, len(names))
    assert names[0] == "encoder8.expert0" and names[6:8] == ("severity.fog", "severity.rain") and names[-1] == "novelty"
    assert ((gates >= 0) & (gates <= 1)).all()
