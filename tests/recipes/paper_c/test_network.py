"""MUIRF (paper C, a reconstruction): the network's shapes, routing, weights and learning."""

import dataclasses

import pytest
import torch

from training.losses import routing
from training.recipes.paper_c.config import PRESETS, MuirfConfig, paper_c_quick
from training.recipes.paper_c.network import Muirf, ShallowRouter, share_of_channels

CONFIG = dataclasses.replace(paper_c_quick().model, width=8, hidden=8)

pytestmark = pytest.mark.usefixtures("one_thread")


def network(config: MuirfConfig = CONFIG) -> Muirf:
    """Seeded, with weights of its own for every weather."""
    torch.manual_seed(0)
    net = Muirf(config)
    with torch.no_grad():
        for parameter in net.specific_parameters:
            parameter.add_(0.1 * torch.randn_like(parameter))
        for parameter in net.head.parameters():
            parameter.mul_(10)
    return net


@pytest.mark.parametrize("patch", [1, 2, 4])
@torch.no_grad()
def test_shapes_at_every_patch(patch: int) -> None:
    config = dataclasses.replace(CONFIG, patch=patch, blocks=(1, 2))
    net = network(config)
    image = torch.rand(3, 3, 2 * config.stride, 3 * config.stride)
    found = net(image)
    assert found.restored_B3HW.shape == image.shape
    assert found.routing.weather_BK.shape == (3, 4) and found.routing.gate_BE.shape == (3, 4)
    names = list(net.shared_convolutions)
    assert names[:2] == ["encoder1.1.first", "encoder1.1.second"] and names[-1] == "decoder1.1.second"
    assert found.shared_BL.shape == (3, len(names)) == (3, len(found.masks))
    assert len(net.gate_names) == 4 + len(names) == len(set(net.gate_names))
    with pytest.raises(ValueError, match=f"multiples of {config.stride}, got"):
        net(image[..., 1:])


@torch.no_grad()
def test_every_preset_builds_and_starts_near_the_identity() -> None:
    for preset in PRESETS.values():
        config = preset().model
        image = torch.rand(1, 3, config.stride, config.stride)
        assert (Muirf(config)(image).restored_B3HW - image).abs().mean() < 0.1


@torch.no_grad()
def test_a_given_weather_routes_the_kernels_and_the_posterior_where_none_is_given() -> None:
    net = network().eval()
    image = torch.rand(2, 3, 32, 48)
    free = net(image)
    fog, rain = (net(image, torch.full((2,), weather)).restored_B3HW for weather in (1, 2))
    assert (fog - rain).abs().max() > 1e-3
    assert torch.equal(net(image, torch.tensor([1, 2])).restored_B3HW[0], fog[0])
    net.router.weather.bias[1] = 100.0  # now it is sure of fog
    torch.testing.assert_close(net(image).restored_B3HW, fog, rtol=1e-4, atol=1e-5)
    assert (free.restored_B3HW - fog).abs().max() > 1e-4  # unsure, it mixed the weathers' kernels


@torch.no_grad()
def test_what_the_encoder_saw_passes_by_the_deeper_levels() -> None:
    """With nothing from below, the residual still depends on the image, by the skip connection."""
    net, image = network().eval(), torch.rand(2, 3, 32, 32)
    for parameter in net.up[0].parameters():
        parameter.zero_()
    residual = net(image, torch.tensor([1, 1])).restored_B3HW - image
    assert (residual[0] - residual[1]).abs().max() > 1e-3


@torch.no_grad()
def test_on_the_clear_route_the_residual_is_of_the_other_weathers_and_fades_with_p_clear() -> None:
    """Ir = Id + (1 - p) * residual; the residual is the one of the other weathers in proportion."""
    net, image = network(dataclasses.replace(CONFIG, clear_route=True)).eval(), torch.rand(1, 3, 32, 32)
    net.router.weather.weight.zero_()

    def residual(*logits: float) -> torch.Tensor:
        net.router.weather.bias.copy_(torch.tensor(logits))
        return net(image).restored_B3HW - image

    sure_of_fog = residual(-90, 9, -90, -90)
    torch.testing.assert_close(residual(9, 9, -90, -90), sure_of_fog / 2, rtol=1e-3, atol=1e-5)
    assert sure_of_fog.abs().max() > 1e-3
    assert residual(90, -90, -90, -90).abs().max() < 1e-6
    assert torch.equal(net(image, torch.tensor([0])).restored_B3HW, image)
    torch.testing.assert_close(net(image, torch.tensor([1])).restored_B3HW - image, sure_of_fog, rtol=1e-3, atol=1e-5)


@torch.no_grad()
def test_images_of_a_batch_do_not_know_of_each_other() -> None:
    net, image = network(), torch.rand(3, 3, 32, 32)
    labels = torch.tensor([0, 3, 1])
    together = net(image, labels)
    for index in range(3):
        alone = net(image[index : index + 1], labels[index : index + 1])
        torch.testing.assert_close(together.restored_B3HW[index], alone.restored_B3HW[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.shared_BL[index], alone.shared_BL[0])


@torch.no_grad()
def test_a_preview_routes_and_masks_as_the_restoration_does() -> None:
    net, image = network().eval(), torch.rand(2, 3, 32, 32)
    whole = net(image)
    routing_, masks = net.preview(image)
    assert torch.equal(routing_.weather_BK, whole.routing.weather_BK)
    assert all(torch.equal(one, other) for one, other in zip(masks, whole.masks, strict=True))
    total = sum(mask.sum() for mask in masks) / sum(mask.numel() for mask in masks)
    assert share_of_channels(masks).mean() == pytest.approx(float(total))


def test_weights_are_shared_or_a_weathers_own_and_none_is_both() -> None:
    net = network()
    shared, own = net.shared_parameters, net.specific_parameters
    assert len(shared) + len(own) == len(list(net.parameters()))
    found = net(torch.rand(1, 3, 32, 32), torch.tensor([2]))
    found.restored_B3HW.square().mean().backward()
    for parameter in own:
        assert parameter.grad is not None
        assert not parameter.grad[[0, 1, 3]].any()  # rain's image moves rain's weights alone
    assert any(parameter.grad is not None and parameter.grad[2].any() for parameter in own)
    assert net.embed.weight.grad is not None and net.router.experts.weight.grad is not None


@torch.no_grad()
def test_the_temperature_tempers_the_posterior_and_travels_with_the_weights() -> None:
    router, shallow = ShallowRouter(4, 4, 3, 2), torch.rand(5, 4, 8, 8)
    plain = router(shallow)
    router.temperature.fill_(4.0)
    tempered = router(shallow)
    torch.testing.assert_close(tempered.weather_BK, (plain.logits_BK / 4).softmax(dim=1))
    assert torch.equal(tempered.weather_BK.argmax(dim=1), plain.weather_BK.argmax(dim=1))
    assert "temperature" in router.state_dict()


def test_the_router_learns_the_weather_from_brightness_and_contrast_and_mixes_where_they_mix() -> None:
    """Frames bright and flat, dark, or noisy; then frames half one, half the other."""
    torch.manual_seed(0)
    flat, dark, noisy = (
        0.85 + 0.02 * torch.rand(6, 3, 16, 16),
        0.15 * torch.rand(6, 3, 16, 16),
        torch.rand(6, 3, 16, 16),
    )
    image, labels = torch.cat([flat, dark, noisy]), torch.arange(3).repeat_interleave(6)
    router = ShallowRouter(3, 8, 3, 2)
    optimizer = torch.optim.Adam(router.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        found = router(image)
        (routing.weather(found.logits_BK, labels) + 0.01 * routing.balance(found.gate_BE)).backward()
        optimizer.step()
    assert (router(image).weather_BK.argmax(dim=1) == labels).all()
    share = torch.linspace(0, 1, 9)[:, None, None, None]
    between = router(share * flat[:1] + (1 - share) * dark[:1]).weather_BK
    assert between[0, 1] > 0.9 and between[-1, 0] > 0.9
    assert between.max(dim=1).values.min() < 0.9  # somewhere on the way it is not sure


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"weathers": ("fog", "fog")}, "weathers"),
        ({"experts": 0}, "experts"),
        ({"patch": 3}, "patch: 1, 2 or 4"),
        ({"width": 7}, "width"),
        ({"blocks": (1, 0)}, "blocks"),
        ({"ratio": 1.0}, "ratio"),
    ],
)
def test_settings_out_of_bounds_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **setting)  # type: ignore[arg-type]
