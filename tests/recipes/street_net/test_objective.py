"""StreetNet's objective: every image counts alike, particles learn from what is behind them, masks wait."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.runs import tensors, untrained
from tests.support.warmed import warmed
from training import train
from training.data.batches import ExampleOfMixture
from training.data.classes import CLASS_ID
from training.loop.processes import launch
from training.losses import restoration
from training.recipes.joint import NETWORK, scale
from training.recipes.street_net.config import (
    StreetNetConfig,
    StreetNetRun,
    street_masks,
    street_restoration,
    street_smoke,
)
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import (
    known_weathers,
    objective,
    particles_objective,
    planes,
    restoration_objective,
)
from training.recipes.street_net.recipe import STREET_NET


@pytest.fixture
def net() -> StreetNet:
    return warmed(lambda: StreetNet(StreetNetConfig())).train()


def batch(**changed: Any) -> ExampleOfMixture:
    """Two frames of rain, without a street's labels, whose streaks are known."""
    torch.manual_seed(0)
    degraded, clear, behind = torch.randint(0, 256, (3, 2, 3, 64, 80), dtype=torch.uint8)
    weathers = torch.eye(6)[[2, 2]]
    labels = torch.randint(0, 11, (2, 64, 80), dtype=torch.uint8)
    example = ExampleOfMixture(
        degraded, clear, labels, torch.tensor([2, 2]), weathers, weathers, torch.zeros(2), behind, torch.ones(2)
    )
    return example._replace(**changed)


def test_twice_the_error_costs_the_same_in_a_frame_of_streaks_as_in_thick_fog() -> None:
    clear = torch.zeros(2, 3, 8, 8)
    error = torch.tensor([0.08, 0.4])[:, None, None, None] + clear
    cost, cost_of_more = restoration.log_squared(error, clear), restoration.log_squared(2 * error, clear)
    torch.testing.assert_close(cost_of_more - cost, torch.full((2,), 1.386), atol=0.2, rtol=0)
    assert cost[1] - cost[0] > 3
    assert restoration.log_squared(clear, clear).isfinite().all()
    faint, none = restoration.log_squared(0.01 + clear, clear, floor=1e-5), restoration.log_squared(clear, clear, 1e-5)
    assert (faint - none > 2).all()  # with the floor of 30 dB, a tenth


def test_a_sky_that_nobody_can_guess_hides_no_error_of_the_street() -> None:
    """A tenth of the street's error counts as much under a lost sky as under a perfect one, by the street's area."""
    clear = torch.zeros(1, 3, 4, 8)
    sky = torch.zeros(1, 4, 8, dtype=torch.bool)
    sky[:, 0] = True

    def cost(street: float, above: float) -> float:
        error = torch.where(sky[:, None], above, street) + clear
        return restoration.log_squared(error, clear, floor=0.0, apart_BHW=sky).item()

    assert cost(0.1, 0.5) - cost(0.01, 0.5) == pytest.approx(0.75 * 2 * math.log(10), rel=1e-4)
    assert cost(0.1, 0.5) - cost(0.1, 0.05) == pytest.approx(0.25 * 2 * math.log(10), rel=1e-4)
    whole, no_sky = torch.full_like(clear, 0.1), torch.zeros_like(sky)
    torch.testing.assert_close(
        restoration.log_squared(whole, clear, apart_BHW=no_sky), restoration.log_squared(whole, clear)
    )
    assert restoration.log_squared(clear, clear, floor=0.0, apart_BHW=no_sky).isfinite().all()


def test_frames_that_show_no_street_teach_novelty_and_no_weather(net: StreetNet) -> None:
    strange = restoration_objective(street_smoke(), batch(novel=torch.ones(2)), {NETWORK: net}).terms
    assert strange["weather"].item() == 0 and strange["novelty"].item() > 0
    both = restoration_objective(street_smoke(), batch(), {NETWORK: net}).terms["weather"]
    half = restoration_objective(street_smoke(), batch(novel=torch.tensor([0.0, 1.0])), {NETWORK: net}).terms["weather"]
    assert half.item() == pytest.approx(both.item(), rel=0.2), "a mean over the streets alone"


def test_restored_and_levels_are_held_against_the_clear_frame(net: StreetNet) -> None:
    """Without levels, that of the degraded frame."""
    with torch.no_grad():
        net.levels.grid.weight.zero_()
    config, example = street_smoke(), batch()
    outcome = restoration_objective(config, example, {NETWORK: net})
    clear, sky = outcome.images["clear"], example.labels_HW == CLASS_ID["sky"]
    restored, degraded = (
        restoration.log_squared(outcome.images[name].float(), clear, apart_BHW=sky).mean()
        for name in ("restored", "degraded")
    )
    torch.testing.assert_close(outcome.terms["log"], config.log_weight * restored)
    torch.testing.assert_close(outcome.terms["levels"], config.levels_weight * degraded)


def test_the_detail_and_not_the_tones_learn_from_what_is_behind_particles(net: StreetNet) -> None:
    known = restoration_objective(street_smoke(), batch(), {NETWORK: net}).terms["particles"]
    known.backward()
    assert net.egsyn.detail.weight.grad is not None and net.egsyn.detail.weight.grad.abs().sum() > 0
    assert net.egsyn.tones.weight.grad is None


def test_nothing_is_learnt_about_particles_if_what_is_behind_them_is_unknown(net: StreetNet) -> None:
    unknown = batch(parted=torch.zeros(2))
    assert restoration_objective(street_smoke(), unknown, {NETWORK: net}).terms["particles"].item() == 0


def test_a_perfect_detail_costs_least(net: StreetNet) -> None:
    """With no detail, a frame that has no particles costs as little as can be."""
    with torch.no_grad():
        net.egsyn.detail.weight.zero_()
        net.egsyn.detail.bias.zero_()  # type: ignore[union-attr]  # a convolution with a bias
    example, config = batch(), street_smoke()
    other = restoration_objective(config, example, {NETWORK: net}).terms["particles"]
    same = restoration_objective(config, example._replace(behind_3HW=example.degraded_3HW), {NETWORK: net})
    assert same.terms["particles"].item() < other.item() - 1


def test_masks_wait_for_the_second_stage(net: StreetNet) -> None:
    config = street_smoke()
    first = restoration_objective(config, batch(), {NETWORK: net})
    sum(first.terms.values(), torch.zeros(())).backward()
    masks = [*net.segmenter.parameters(), *net.sgada.parameters()]
    assert all(parameter.grad is None for parameter in masks)
    second = objective(config, batch(), {NETWORK: net})
    assert set(second.terms) - set(first.terms) == {"mask", "base"}
    sum(second.terms.values(), torch.zeros(())).backward()
    assert all(parameter.grad is not None for parameter in masks)


def test_on_parts_of_frames_the_detail_learns_and_nothing_that_needs_the_whole_frame(net: StreetNet) -> None:
    """The particles' stage: neither levels nor router nor masks, in the weather of the example."""
    outcome = particles_objective(street_smoke(), batch(), {NETWORK: net})
    sum(outcome.terms.values(), torch.zeros(())).backward()
    trained = {name.split(".")[0] for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert trained == {"stem", "hint", "encoder", "egsyn"}
    snow = batch(weathers_K=torch.eye(6)[[3, 3]])
    other = particles_objective(street_smoke(), snow, {NETWORK: net}).terms["particles"]
    assert other.item() != outcome.terms["particles"].item()


def test_every_second_example_is_restored_as_in_use(net: StreetNet) -> None:
    assert known_weathers(batch()).tolist() == [[0, 0, 1, 0, 0, 0], [0] * 6]
    with pytest.raises(ValueError, match="1 examples at a time"):
        known_weathers(ExampleOfMixture(*(field[:1] for field in batch())))
    both = batch(weathers_K=torch.tensor([[0.0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]))
    assert known_weathers(both).tolist() == [[0, 0.5, 0.5, 0, 0, 0], [0] * 6]


def test_a_run_on_parts_of_frames_can_be_continued_on_whole_ones(tmp_path: Path) -> None:
    parts = replace(street_smoke(), name="street_smoke", patch=32, steps=1, restoration_steps=0)
    (only,) = STREET_NET.begin(parts, launch()).stages
    assert only.phases[0].objective(batch(), {NETWORK: warmed(lambda: StreetNet(StreetNetConfig()))}).terms.keys() == {
        "particles"
    }
    first = untrained(STREET_NET, parts, tmp_path / "parts")
    begun = STREET_NET.begin(replace(street_smoke(), init=str(first)), launch())
    assert [stage.name for stage in begun.stages] == ["restoration", "joint"]
    assert all(torch.equal(v, tensors(first)[f"model.{k}"]) for k, v in begun.networks["model"].state_dict().items())
    restored, joint = (set(s.phases[0].objective(batch(), begun.networks).terms) for s in begun.stages)
    assert joint - restored == {"mask", "base"}
    whole, part = begun.examples.open()[0], STREET_NET.begin(parts, launch()).examples.open()[0]
    assert whole.degraded_3HW.shape == (3, 64, 80) and part.degraded_3HW.shape == (3, 32, 32)


def test_faint_errors_count_in_the_second_stage_only() -> None:
    begun = STREET_NET.begin(replace(street_smoke(), log_floor=1e-9), launch())
    for stage, floor in zip(begun.stages, (restoration.FLOOR, 1e-9), strict=True):
        example = batch(degraded_3HW=batch().clear_3HW)
        outcome = stage.phases[0].objective(example, begun.networks)
        restored, clear = (outcome.images[name].float() for name in ("restored", "clear"))
        log_B = restoration.log_squared(restored, clear, floor, example.labels_HW == CLASS_ID["sky"])
        torch.testing.assert_close(outcome.terms["log"], log_B.mean())


def test_masks_alone_change_nothing_but_the_masks(tmp_path: Path) -> None:
    init = untrained(STREET_NET, street_smoke(), tmp_path / "init")
    config = replace(street_smoke(), steps=2, alone="masks", init=str(init))
    run = STREET_NET.begin(config, launch())
    assert [stage.name for stage in run.stages] == ["joint"]
    trainer = STREET_NET.trainer(run, launch(), config.loop())
    for _ in range(2):
        scalars = trainer.train_step([batch()])
    assert set(scalars) == {"mask", "base", "total"} and scalars["mask"] > 0 and scalars["base"] > 0
    trainer.save(tmp_path / "masks", scalars)
    before, after = tensors(init), tensors(tmp_path / "masks")
    changed = {name.split(".")[1] for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"segmenter", "sgada"}


def test_the_restoration_alone_leaves_the_masks(tmp_path: Path) -> None:
    init = untrained(STREET_NET, street_smoke(), tmp_path / "init")
    config = replace(street_smoke(), steps=2, restoration_steps=0, alone="restoration", init=str(init))
    trainer = STREET_NET.trainer(STREET_NET.begin(config, launch()), launch(), config.loop())
    for _ in range(2):
        scalars = trainer.train_step([batch()])
    trainer.save(tmp_path / "restoration", scalars)
    before, after = tensors(init), tensors(tmp_path / "restoration")
    changed = {name.split(".")[1] for name, value in before.items() if not torch.equal(value, after[name])}
    assert {"trunk", "levels", "router", "stem", "encoder", "egsyn"} <= changed
    assert not changed & {"segmenter", "sgada"}


@pytest.mark.parametrize("preset", [street_masks, street_restoration])
def test_a_part_alone_needs_a_run_to_continue(preset: Callable[[], StreetNetRun]) -> None:
    config = preset()
    with pytest.raises(ValueError, match=f"{config.name} continues another run of street_net; name its checkpoint"):
        STREET_NET.begin(config, launch())


def test_a_look_is_that_of_the_frame_its_target_and_what_is_behind_its_particles() -> None:
    frame = batch().clear_3HW
    example = batch(degraded_3HW=frame, behind_3HW=frame)
    torch.manual_seed(0)
    shown = planes(example, looks=1.0)
    assert torch.equal(shown.degraded_B3HW, shown.clear_B3HW) and torch.equal(shown.degraded_B3HW, shown.behind_B3HW)
    assert ((shown.degraded_B3HW - scale(frame)).abs().amax(dim=(1, 2, 3)) > 0.02).all()
    as_it_is = planes(batch(), looks=0.0)
    torch.testing.assert_close(as_it_is.behind_B3HW, scale(batch().behind_3HW))


@pytest.mark.parametrize("preset", ["street_masks", "street_restoration", "street_particles"])
def test_a_run_of_one_stage_takes_no_steps_of_another(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([preset, "--restoration-steps", "7"]) == 1
    assert f"--restoration-steps: {preset} has one stage; its steps are --steps" in capsys.readouterr().err
