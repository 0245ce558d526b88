"""MOE-WIRNet whole: its levels, scales and gates, pruning that changes nothing, and that it learns."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from training.complexity import main as complexity
from training.complexity import measure
from training.recipes.paper_b.config import (
    MoeWirNetConfig,
    Routing,
    RoutingConfig,
    paper_b,
    paper_b_quick,
    paper_b_small,
)
from training.recipes.paper_b.network import MoeWirNet, pruned

TINY = dataclasses.replace(paper_b_quick().model, width=6, window=2, patch=2)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def trained_a_little(config: MoeWirNetConfig) -> MoeWirNet:
    """A network whose parameters have all left their initial values."""
    net = MoeWirNet(config)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net.eval()


@pytest.fixture(scope="module")
def at_the_papers_scale() -> MoeWirNet:
    with torch.device("meta"):
        return MoeWirNet(paper_b().model)


def test_the_papers_scale_has_its_four_levels_with_its_heads_and_restormers_widths(
    at_the_papers_scale: MoeWirNet,
) -> None:
    levels = at_the_papers_scale.routed_levels.values()
    first = [level.blocks[0] for level in levels]
    assert [module.fusion.out_channels for module in first] == [48, 96, 192, 384, 192, 96, 48, 48]
    assert [module.experts[0].heads for module in first] == [1, 2, 4, 8, 4, 2, 1, 1]
    assert [len(level.blocks) for level in levels] == [4, 6, 6, 8, 6, 6, 4, 4]
    assert {(module.experts[1].window, module.experts[1].share) for module in first} == {(8, 0.7)}


def test_presets_grow(at_the_papers_scale: MoeWirNet) -> None:
    nets = (MoeWirNet(paper_b_quick().model), MoeWirNet(paper_b_small().model), at_the_papers_scale)
    quick, small, full = (sum(p.numel() for p in net.parameters()) for net in nets)
    assert quick < 0.5e6 < small < 2e6 < 10e6 < full < 13e6


@pytest.mark.parametrize("size", [(16, 32), (48, 48)])
def test_outputs_at_three_scales_are_residuals_to_the_image_at_each(size: tuple[int, int]) -> None:
    net, image = MoeWirNet(TINY), torch.rand(2, 3, *size)
    result = net(image, coarser=True)
    for factor, restored in zip((1, 2, 4), result.scales, strict=True):
        degraded = F.avg_pool2d(image, factor)
        assert restored.shape == degraded.shape
        assert 0 < (restored - degraded).abs().mean() < 0.2  # near the identity before training
    assert net(image).coarser == ()
    torch.testing.assert_close(net(image).restored_B3HW, result.restored_B3HW)


@torch.no_grad()
@pytest.mark.parametrize("level", range(3))
def test_what_the_encoder_saw_passes_by_the_deeper_levels(level: int) -> None:
    """With nothing from below, a decoder's residual still depends on the image, by its skip connection."""
    net = trained_a_little(TINY)
    for parameter in net.up[level].parameters():
        parameter.zero_()
    image, factor = torch.rand(2, 3, 16, 16), 2**level
    residual = net(image, coarser=True).scales[level] - (F.avg_pool2d(image, factor) if level else image)
    assert (residual[0] - residual[1]).abs().max() > 1e-3


@torch.no_grad()
def test_a_stem_of_stride_2_still_gives_whole_images_at_three_scales() -> None:
    net, image = MoeWirNet(dataclasses.replace(TINY, stem=2)), torch.rand(1, 3, 32, 64)
    assert net.config.stride == 32
    for factor, restored in zip((1, 2, 4), net(image, coarser=True).scales, strict=True):
        degraded = F.avg_pool2d(image, factor)
        assert restored.shape == degraded.shape and 0 < (restored - degraded).abs().mean() < 0.2


@torch.no_grad()
def test_on_the_clear_route_a_frame_that_is_surely_clear_stays_as_it_is() -> None:
    net, image = trained_a_little(dataclasses.replace(TINY, clear_route=True)), torch.rand(2, 3, 16, 16)
    assert net.clear is not None
    net.clear.weight.zero_()
    found = []
    for logit in (-40.0, 0.0, 40.0):
        net.clear.bias.fill_(logit)
        found.append(net(image, coarser=True).scales[1] - F.avg_pool2d(image, 2))
    torch.testing.assert_close(found[1], found[0] / 2)
    assert found[0].abs().max() > 1e-3 and not found[2].any()


def test_plain_experts_are_convolutions_and_the_rest_is_as_it_was() -> None:
    plain, net = MoeWirNet(dataclasses.replace(TINY, plain=True)), MoeWirNet(TINY)
    assert {type(e) for level in plain.routed_levels.values() for e in level.blocks[0].experts} == {torch.nn.Conv2d}
    others = [{n for n, _ in one.named_parameters() if ".experts." not in n} for one in (plain, net)]
    assert others[0] == others[1]


def test_a_size_that_is_no_multiple_of_the_stride_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="multiples of 16, got 24 x 32"):
        MoeWirNet(TINY)(torch.rand(1, 3, 24, 32))


def test_every_gate_has_a_name_and_each_level_sums_to_one() -> None:
    net = MoeWirNet(TINY)
    gates = net(torch.rand(2, 3, 16, 16)).gates_BG
    assert gates.shape == (2, len(net.gate_names)) == (2, 24)
    assert net.gate_names[:4] == ("encoder1.channel", "encoder1.spatial", "encoder1.frequency", "encoder2.channel")
    assert net.gate_names[12] == "decoder3.channel" and net.gate_names[-1] == "refinement.frequency"
    torch.testing.assert_close(gates.unflatten(1, (8, 3)).sum(dim=2), torch.ones(2, 8))
    assert (gates[:, 12:] == 1 / 3).all()  # the decoder is uniform, the encoder is not
    assert (gates[:, :12] != 1 / 3).all()


@pytest.mark.parametrize("encoder", ["learned", "image"])
@pytest.mark.parametrize("decoder", ["soft", "uniform", "argmax", "top_k"])
def test_every_part_of_the_network_learns(encoder: str, decoder: Routing) -> None:
    config = dataclasses.replace(
        TINY,
        encoder=RoutingConfig("soft", "image" if encoder == "image" else "learned"),
        decoder=RoutingConfig(decoder),
    )
    net = trained_a_little(config)
    sum(scale.square().mean() for scale in net(torch.rand(2, 3, 16, 16), coarser=True).scales).backward()
    still = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    if decoder in ("argmax", "top_k"):  # experts without weight do not learn, by definition
        still = {name for name in still if ".experts." not in name}
    assert not still


def test_a_sample_does_not_depend_on_its_batch() -> None:
    net, image = (
        trained_a_little(dataclasses.replace(TINY, encoder=RoutingConfig("soft", "image"))),
        torch.rand(3, 3, 16, 32),
    )
    torch.testing.assert_close(net(image).restored_B3HW[1:2], net(image[1:2]).restored_B3HW, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["argmax", "top_k", "uniform", "soft"])
def test_pruning_changes_neither_image_nor_gates(kind: Routing) -> None:
    net = trained_a_little(dataclasses.replace(TINY, decoder=RoutingConfig(kind)))
    light, image = pruned(net), torch.rand(2, 3, 16, 32)
    before, after = net(image), light(image)
    torch.testing.assert_close(after.restored_B3HW, before.restored_B3HW, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after.gates_BG, before.gates_BG)
    experts = {name: len(level.blocks[0].experts) for name, level in light.routed_levels.items()}
    kept = {"argmax": 1, "top_k": 2}.get(kind, 3)
    assert experts == {name: kept if name[0] in "dr" else 3 for name in experts}
    assert len(net.routed_levels["decoder1"].blocks[0].experts) == 3  # the network itself can go on learning


@torch.inference_mode()
def test_hard_gates_that_see_the_image_keep_every_expert() -> None:
    net = trained_a_little(dataclasses.replace(TINY, decoder=RoutingConfig("argmax", "image")))
    light, image = pruned(net), torch.rand(2, 3, 16, 32)
    assert len(light.routed_levels["decoder1"].blocks[0].experts) == 3
    torch.testing.assert_close(light(image).gates_BG, net(image).gates_BG)


def test_the_global_form_runs_on_a_small_image() -> None:
    net = MoeWirNet(dataclasses.replace(TINY, window=None))
    assert net(torch.rand(1, 3, 16, 16)).restored_B3HW.shape == (1, 3, 16, 16)


def test_it_learns_to_lift_haze_from_one_frame() -> None:
    clear = torch.rand(1, 3, 4, 4).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    hazy = clear * 0.5 + 0.4
    net = MoeWirNet(TINY)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(30):
        loss = (net(hazy).restored_B3HW - clear).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (net(hazy).restored_B3HW - clear).abs().mean() < 0.5 * (hazy - clear).abs().mean()


def test_complexity_counts_projections_convolutions_and_attention_exactly() -> None:
    config = dataclasses.replace(
        TINY, experts=("channel",), blocks=(1, 0, 0, 0), refinement_blocks=0, decoder=RoutingConfig("uniform")
    )
    bare = dataclasses.replace(config, blocks=(0, 0, 0, 0))
    width, pixels = 6, 16 * 32
    module = width * width * (1 + 1 + 3 + 1 + 1) + 3 * width * 9  # linear, split, QKV, output, fusion; depthwise
    attention = 2 * width * width  # one head: Q K^T and its product with V, per pixel
    with_module, without = (measure(MoeWirNet(c), 16, 32, 1).multiply_adds for c in (config, bare))
    added = with_module - without
    assert added == 2 * pixels * (module + attention)  # the level's encoder and its decoder


def test_the_complexity_command_prints_every_preset_or_says_which_size_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert complexity(["--size", "64x96", "paper_b_quick"]) == 0
    printed = capsys.readouterr().out
    assert "multiply-adds (1e9) at 64x96" in printed and "| paper_b_quick | 0.3" in printed
    assert complexity(["--size", "40x40", "paper_b_quick"]) == 1
    assert "multiples of 32, got 40 x 40" in capsys.readouterr().err
