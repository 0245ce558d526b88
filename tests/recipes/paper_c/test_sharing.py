"""Channel sharing between weathers (CPSM; paper C, a reconstruction): what the convolution promises at any routing."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from training.recipes.paper_c import losses as sharing
from training.recipes.paper_c.config import Sharing
from training.recipes.paper_c.sharing import ChannelSharedConv2d, Route, shared_convolution

WEATHERS, EXPERTS = 3, 2

pytestmark = pytest.mark.usefixtures("one_thread")


def shared_conv(seed: int = 0, **arguments: int) -> ChannelSharedConv2d:
    """With weights of its own for every weather."""
    torch.manual_seed(seed)
    conv = ChannelSharedConv2d(nn.Conv2d(4, 6, 3, **arguments), WEATHERS, EXPERTS, 0.5)
    with torch.no_grad():
        for parameter in conv.specific_parameters:
            parameter.normal_()
    return conv


def route(batch: int, seed: int = 0) -> Route:
    chance = torch.Generator().manual_seed(seed)
    return Route(*(torch.randn(batch, n, generator=chance).softmax(dim=1) for n in (EXPERTS, WEATHERS)))


def force(conv: ChannelSharedConv2d, shared: bool) -> None:
    with torch.no_grad():
        conv.scores_EO.fill_(9.0 if shared else -9.0)


def plain(conv: ChannelSharedConv2d, weight_OP: Tensor, bias_O: Tensor, x_BCHW: Tensor) -> Tensor:
    return torch.nn.functional.conv2d(x_BCHW, weight_OP.reshape(-1, *conv.kernel), bias_O, **conv.settings)


@pytest.mark.parametrize("arguments", [{"padding": 1}, {"stride": 2}, {"padding": 2, "dilation": 2}])
def test_with_every_channel_shared_it_is_the_general_convolution(arguments: dict[str, int]) -> None:
    conv, x = shared_conv(**arguments), torch.randn(3, 4, 9, 10)
    force(conv, shared=True)
    found = conv(x, route(3))
    torch.testing.assert_close(found.x_BOHW, plain(conv, conv.general_OP, conv.general_O, x), rtol=1e-5, atol=1e-5)
    assert (found.mask_BO == 1).all()


@pytest.mark.parametrize("weather", range(WEATHERS))
def test_with_none_shared_it_is_the_weathers_own_convolution(weather: int) -> None:
    conv, x = shared_conv(padding=1), torch.randn(2, 4, 9, 10)
    force(conv, shared=False)
    sure = Route(route(2).gate_BE, torch.eye(WEATHERS)[[weather, weather]])
    own = plain(conv, conv.specific_KOP[weather], conv.specific_KO[weather], x)
    torch.testing.assert_close(conv(x, sure).x_BOHW, own, rtol=1e-5, atol=1e-5)


def test_film_scales_and_shifts_the_shared_convolution_by_the_weather() -> None:
    torch.manual_seed(0)
    plain_conv, x, way = nn.Conv2d(4, 6, 3, padding=1), torch.randn(3, 4, 9, 10), route(3)
    film = shared_convolution(plain_conv, WEATHERS, EXPERTS, 0.5, "film")
    torch.testing.assert_close(film(x, way).x_BOHW, plain_conv(x))
    scale_KO, shift_KO = film.specific_parameters
    assert scale_KO.shape == shift_KO.shape == (WEATHERS, 6)
    with torch.no_grad():
        scale_KO.normal_()
        shift_KO.normal_()
    factor, shift = (way.weather_BK @ each for each in (scale_KO, shift_KO))
    expected = (1 + factor)[:, :, None, None] * plain_conv(x) + shift[:, :, None, None]
    torch.testing.assert_close(film(x, way).x_BOHW, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_a_mixed_batch_gives_every_image_what_it_gets_alone(batch: int, seed: int) -> None:
    conv, x, way = shared_conv(seed, padding=1), torch.randn(batch, 4, 6, 7), route(batch, seed)
    together = conv(x, way)
    for index in range(batch):
        one = slice(index, index + 1)
        alone = conv(x[one], Route(way.gate_BE[one], way.weather_BK[one]))
        torch.testing.assert_close(together.x_BOHW[one], alone.x_BOHW, rtol=1e-4, atol=1e-5)
        assert torch.equal(together.mask_BO[one], alone.mask_BO)


def test_masks_choose_channel_by_channel_and_image_by_image() -> None:
    """Two experts of opposite opinion: each image's channels are those of the expert that its gate trusts."""
    conv, x = shared_conv(padding=1).eval(), torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        conv.scores_EO.copy_(torch.tensor([[5.0, 5, 5, -5, -5, -5], [-5.0, -5, -5, 5, 5, 5]]))
    way = Route(torch.tensor([[0.9, 0.1], [0.1, 0.9]]), torch.eye(WEATHERS)[:2])
    found = conv(x, way)
    assert found.mask_BO.tolist() == [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
    general = plain(conv, conv.general_OP, conv.general_O, x)
    torch.testing.assert_close(found.x_BOHW[0, :3], general[0, :3], rtol=1e-5, atol=1e-5)
    own = plain(conv, conv.specific_KOP[0], conv.specific_KO[0], x)
    torch.testing.assert_close(found.x_BOHW[0, 3:], own[0, 3:], rtol=1e-5, atol=1e-5)


def test_it_starts_as_the_convolution_that_it_replaces() -> None:
    torch.manual_seed(0)
    for replaced in (nn.Conv2d(4, 6, 3, padding=1), nn.Conv2d(4, 6, 1, bias=False)):
        x = torch.randn(2, 4, 6, 6)
        conv = ChannelSharedConv2d(copy.deepcopy(replaced), WEATHERS, EXPERTS, 0.5)
        torch.testing.assert_close(conv(x, route(2)).x_BOHW, replaced(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("ratio", [0.2, 0.7])
def test_about_the_asked_share_of_channels_starts_shared(ratio: float) -> None:
    torch.manual_seed(0)
    conv = ChannelSharedConv2d(nn.Conv2d(1, 4000, 1), WEATHERS, 4, ratio)
    assert conv.mask(torch.full((1, 4), 0.25)).mean().item() == pytest.approx(ratio, abs=0.03)


def test_the_loss_reaches_scores_and_gates_through_the_hard_mask_and_specific_weights_where_they_are_used() -> None:
    conv, way = shared_conv(padding=1).train(), route(2)
    way = Route(way.gate_BE.requires_grad_(), torch.eye(WEATHERS)[[0, 2]])
    found = conv(torch.randn(2, 4, 6, 6), way)
    assert set(found.mask_BO.unique().tolist()) == {0.0, 1.0}
    found.x_BOHW.square().sum().backward()
    assert way.gate_BE.grad is not None and way.gate_BE.grad.abs().sum() > 0
    assert conv.scores_EO.grad is not None and (conv.scores_EO.grad != 0).all()
    own = conv.specific_KOP.grad
    assert own is not None and (own[1] == 0).all()  # a weather that was not in the batch
    used = (found.mask_BO == 0).any(dim=0)
    assert (own[[0, 2]].abs().sum(dim=(0, 2)) > 0).tolist() == used.tolist()
    general = conv.general_OP.grad
    assert general is not None
    assert (general.abs().sum(dim=1) > 0).tolist() == (found.mask_BO == 1).any(dim=0).tolist()


@pytest.mark.parametrize("kind", ["relaxed", "frozen", "all", "none"])
def test_other_kinds_of_sharing_have_the_masks_and_the_gradients_of_their_names(kind: Sharing) -> None:
    torch.manual_seed(0)
    conv = ChannelSharedConv2d(nn.Conv2d(4, 60, 3), WEATHERS, EXPERTS, 0.5, kind).train()
    nn.init.normal_(conv.specific_KOP)  # the scores learn only where the two kernels differ
    way = Route(route(2).gate_BE, torch.eye(WEATHERS)[:2])
    found = conv(torch.randn(2, 4, 6, 6), way)
    found.x_BOHW.square().sum().backward()
    mask = found.mask_BO
    learn = [p.grad is not None and p.grad.flatten(1).any(dim=1).all() for p in (conv.general_OP, conv.scores_EO)]
    if kind == "relaxed":
        assert ((mask > 0) & (mask < 1)).all() and learn == [True, True]
        assert conv.specific_KOP.grad is not None and conv.specific_KOP.grad[:2].flatten(2).any(dim=2).all()
    else:
        assert conv.scores_EO.grad is None and torch.equal(mask[0], mask[1])
        expected = {"all": (1, 1), "none": (0, 0), "frozen": (0.2, 0.8)}[kind]
        assert expected[0] <= mask.mean() <= expected[1] and set(mask.unique().tolist()) <= {0.0, 1.0}


def test_training_towards_a_sharing_ratio_reaches_it() -> None:
    conv, gate = shared_conv().train(), route(4).gate_BE
    optimizer = torch.optim.Adam([conv.scores_EO], lr=0.1)
    before = conv.mask(gate).mean().item()
    for _ in range(60):
        optimizer.zero_grad()
        share = conv.mask(gate).mean()
        sharing.ratio(share, share, 0.2).backward()
        optimizer.step()
    assert abs(conv.mask(gate).mean().item() - 0.2) < 0.15 < abs(before - 0.2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_losses_of_parts_average_to_that_of_the_whole_batch_and_so_do_their_gradients(seed: int, target: float) -> None:
    logits_BE = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    share_B = logits_BE.sigmoid().mean(dim=1)
    gate_BE = logits_BE.softmax(dim=1)
    whole_share, whole_E = share_B.mean(), gate_BE.mean(dim=0)
    whole = (whole_share - target).square() + 3 * whole_E.square().sum() - 1
    parts = [
        sharing.ratio(share_B[part].mean(), whole_share, target) + sharing.balance(gate_BE[part], whole_E)
        for part in (slice(0, 2), slice(2, 4), slice(4, 6))
    ]
    mean = torch.stack(parts).mean()
    torch.testing.assert_close(mean, whole, rtol=1e-4, atol=1e-6)
    expected, found = (torch.autograd.grad(value, logits_BE, retain_graph=True)[0] for value in (whole, mean))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("conv", [nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")])
def test_convolutions_that_it_cannot_replace_are_refused(conv: nn.Conv2d) -> None:
    with pytest.raises(ValueError, match="cannot share channels of Conv2d"):
        ChannelSharedConv2d(conv, WEATHERS, EXPERTS, 0.5)
