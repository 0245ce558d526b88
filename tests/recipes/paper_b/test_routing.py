"""Soft and hard routing in all their readings, and the MoE module that they weigh."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from training.recipes.paper_b.config import EXPERTS, Expert, MoeWirNetConfig, Routing, RoutingConfig, paper_b_quick
from training.recipes.paper_b.moe import Level, LevelRouter, MoeModule, soft, top_k

CONFIG = paper_b_quick().model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def router(kind: Routing, gates: list[float], kept: int = 2) -> LevelRouter:
    routed = LevelRouter(6, 3, RoutingConfig(kind, kept=kept))
    if kind != "uniform":
        routed.gates_E.data = torch.tensor(gates)
    return routed


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("soft", torch.tensor([1.0, 3.0, 2.0]).softmax(dim=0).tolist()),
        ("uniform", [1 / 3, 1 / 3, 1 / 3]),
        ("argmax", [0.0, 1.0, 0.0]),
        ("top_k", [0.0, *torch.tensor([3.0, 2.0]).softmax(dim=0).tolist()]),
    ],
)
def test_every_reading_of_routing_gives_its_weights(kind: Routing, expected: list[float]) -> None:
    weights = router(kind, [1.0, 3.0, 2.0])(torch.randn(2, 6, 4, 4))
    torch.testing.assert_close(weights, torch.tensor([expected, expected]))


@given(
    st.lists(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(min_value=1, max_value=3),
)
def test_weights_are_distributions_and_hard_ones_have_exact_zeros(gates: list[list[float]], kept: int) -> None:
    gates_BE = torch.tensor(gates)
    for weights in (soft(gates_BE), top_k(gates_BE, kept)):
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(gates)))
    assert ((top_k(gates_BE, kept) != 0).sum(dim=1) <= kept).all()
    torch.testing.assert_close(top_k(gates_BE, 3), soft(gates_BE))


@pytest.mark.parametrize("kind", ["soft", "argmax", "top_k"])
def test_gates_learn_under_hard_routing_too_and_uniform_has_none(kind: Routing) -> None:
    routed = router(kind, [0.1, 0.0, -0.1])
    optimizer = torch.optim.SGD(routed.parameters(), 1.0)
    for _ in range(10):  # the third expert is the one that lowers the loss
        loss = (routed(torch.zeros(1, 6, 2, 2)) * torch.tensor([1.0, 1.0, 0.0])).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert routed(torch.zeros(1, 6, 2, 2)).argmax() == 2
    assert not list(LevelRouter(6, 3, RoutingConfig("uniform")).parameters())


def test_gates_that_see_the_image_start_as_printed_and_then_differ_by_image() -> None:
    routed = LevelRouter(6, 3, RoutingConfig("soft", "image"))
    dark_and_bright = torch.stack([torch.zeros(6, 4, 4), torch.ones(6, 4, 4)])
    weights = routed(dark_and_bright)
    assert torch.equal(weights[0], weights[1])
    weights[1, 0].backward()
    assert routed.image is not None and routed.image.weight.grad is not None
    routed.image.weight.data += routed.image.weight.grad
    changed = routed(dark_and_bright)
    assert changed[1, 0] > changed[0, 0]
    torch.testing.assert_close(changed[0], weights[0])
    assert not routed.constant and LevelRouter(6, 3, RoutingConfig("soft")).constant


@torch.no_grad()
def test_gates_see_the_mean_of_the_features_over_the_frame() -> None:
    routed = LevelRouter(6, 3, RoutingConfig("soft", "image"))
    assert routed.image is not None
    routed.image.weight.normal_()
    x = torch.randn(2, 6, 4, 8)
    expected = (routed.gates_E + x.flatten(2).mean(dim=2) @ routed.image.weight.T).softmax(dim=1)
    torch.testing.assert_close(routed(x), expected)


def module_by_hand(module: MoeModule, x: Tensor, weights: Tensor) -> Tensor:
    split = module.split(module.linear(x)).chunk(len(module.experts), dim=1)
    parts = [
        torch.stack([w * e for w, e in zip(weights[:, i], expert(part), strict=True)])
        for i, (expert, part) in enumerate(zip(module.experts, split, strict=True))
    ]
    mixed = (x + module.fusion(F.gelu(torch.cat(parts, dim=1)))).movedim(1, -1)
    return F.layer_norm(mixed, (x.shape[1],), module.norm.weight, module.norm.bias).movedim(-1, 1)


@pytest.mark.parametrize("experts", [EXPERTS, ("channel",), ("channel", "spatial"), ("frequency", "channel")])
def test_the_module_weighs_fuses_and_normalises_any_subset_of_the_experts(experts: tuple[Expert, ...]) -> None:
    module = MoeModule(12, 2, dataclasses.replace(CONFIG, experts=experts))
    x, weights = torch.randn(2, 12, 8, 8), torch.rand(2, len(experts)).softmax(dim=1)
    torch.testing.assert_close(module(x, weights), module_by_hand(module, x, weights), rtol=1e-4, atol=1e-5)
    assert module.fusion.in_channels == 12  # experts in use share the full width


@torch.no_grad()
def test_a_levels_router_weighs_every_one_of_its_modules() -> None:
    level, x = Level(12, 2, 3, CONFIG, RoutingConfig("soft")), torch.randn(2, 12, 8, 8)
    assert isinstance(level.router, LevelRouter)
    level.router.gates_E.copy_(torch.tensor([2.0, 0.0, -2.0]))
    found, weights = level(x)
    torch.testing.assert_close(weights, torch.tensor([2.0, 0.0, -2.0]).softmax(dim=0).expand(2, 3))
    for module in level.blocks:
        assert isinstance(module, MoeModule)
        x = module_by_hand(module, x, weights)
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kept", [[1], [0, 2]])
def test_a_module_without_its_unused_experts_gives_the_same(kept: list[int]) -> None:
    module, x = MoeModule(12, 2, CONFIG), torch.randn(2, 12, 8, 8)
    weights = torch.zeros(1, 3)
    weights[0, kept] = 1 / len(kept)
    weights = weights.expand(2, 3)
    expected, before = module(x, weights), sum(p.numel() for p in module.parameters())
    module.keep(kept)
    torch.testing.assert_close(module(x, weights), expected, rtol=1e-4, atol=1e-5)
    assert len(module.experts) == len(kept)
    assert sum(p.numel() for p in module.parameters()) < before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experts": ("channel", "channel")}, "experts: name one or more"),
        ({"experts": ()}, "experts: name one or more"),
        ({"width": 40}, "width: 40 channels cannot be split among 3 experts"),
        ({"share": 0.0}, "share: of the keys kept must be above 0"),
        ({"patch": 6}, "patch: must be even, and divide the window"),
        ({"patch": 3, "window": None}, "patch: must be even"),
        ({"decoder": RoutingConfig("top_k", kept=4)}, "kept: 1 to 3 of the experts, got 4"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MoeWirNetConfig(), **change)
