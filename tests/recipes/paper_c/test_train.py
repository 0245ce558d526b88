"""Paper C's command (a reconstruction): its methods and tasks, its calibration, and the router's own stage."""

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tests.support import tiny_joint as tiny
from tests.support.runs import run, state, tensors
from training.data.degradations import WEATHERS
from training.data.scenes.drive import UNSEEN_SEEDS_FROM
from training.judging.metrics import fit_temperature
from training.loop import processes
from training.loop.checkpoint import open_checkpoint
from training.models.deploy import prepare
from training.recipes.paper_c.calibration import validation_frames, weather_logits
from training.recipes.paper_c.config import paper_c_smoke
from training.recipes.paper_c.deploy import restore
from training.recipes.paper_c.objective import muirf
from training.recipes.paper_c.recipe import PAPER_C

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper_c") / "run"
    assert run(PAPER_C, folder) == 0
    return folder


def test_the_checkpoint_keeps_the_conflict_the_losses_and_the_memory_of_the_method(trained: Path) -> None:
    expected = {"conflict", "conflict_after", *(f"loss_{name}" for name in WEATHERS if name != "clear")}
    assert expected <= set(state(trained)["scalars"])
    assert "restore_memory.meta_P" in tensors(trained)


def test_the_routers_temperature_is_the_one_that_frames_of_other_drives_ask_for(trained: Path) -> None:
    net = restore(open_checkpoint(trained), paper_c_smoke().model)
    frames = validation_frames(paper_c_smoke())
    assert [number for _, number in frames] == [0, 0, 1, 1, 2, 2, 3, 3]
    logits, labels = weather_logits(net, frames)
    fitted = fit_temperature(logits, torch.eye(logits.shape[1])[labels])
    assert net.router.temperature.item() == pytest.approx(fitted, rel=1e-4) != 1
    for index in (0, 5):
        image, _ = prepare(torch.from_numpy(frames[index][0].copy())[None], 16)
        torch.testing.assert_close(net(image).routing.logits_BK[0], logits[index], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="kept unseen"):
        validation_frames(dataclasses.replace(paper_c_smoke(), validation_drives=UNSEEN_SEEDS_FROM))


@pytest.mark.skipif(bool(find_spec("ecos")), reason="it is here")
def test_a_method_without_its_solver_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PAPER_C, tmp_path / "run", "--method", "nash_mtl") == 1
    assert "ecos" in capsys.readouterr().err


def test_another_method_and_other_tasks_are_recorded_and_restored(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(PAPER_C, folder, "--steps", "1", "--method", "imtl_g", "--tasks", "fog,rain,snow") == 0
    saved = open_checkpoint(folder)
    config = PAPER_C.read(saved)
    assert restore(saved, config.model).config.weathers == ("fog", "rain", "snow") and config.method == "imtl_g"
    assert saved.state["command"].endswith("--steps 1 --tasks fog,rain,snow --method imtl_g")


def test_the_router_learns_first_if_it_has_steps_of_its_own() -> None:
    """Nothing that restores learns then; afterwards the joint stage goes on with all of it."""
    trainer = tiny.build(dataclasses.replace(tiny.CONFIG, router_steps=60, steps=1, learning_rate=2e-2))
    before = {name: value.clone() for name, value in muirf(trainer.networks).state_dict().items()}
    losses = [trainer.train_step([tiny.batch(range(8))])["weather"] for _ in range(60)]
    after = muirf(trainer.networks).state_dict()
    changed = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"embed", "router"}
    assert torch.equal(after["router.experts.weight"], before["router.experts.weight"])
    assert losses[-1] < 0.5 * losses[0]
    assert trainer.train_step([tiny.batch(range(8))])["total"] > 0


def test_the_router_learns_from_crops_that_are_nearly_frames_and_then_rests() -> None:
    config = dataclasses.replace(paper_c_smoke(), router_steps=2)
    examples = PAPER_C.begin(config, processes.launch()).examples.open()
    sizes = [examples[index].clear_3HW.shape[1:] for index in (0, 7, 8, 20)]
    assert sizes == [(64, 96), (64, 96), (32, 48), (32, 48)]
    trainer = tiny.build(dataclasses.replace(tiny.CONFIG, router_steps=1, steps=2, mask_rate=10.0))
    trainer.train_step([tiny.batch(range(8))])
    net = muirf(trainer.networks)
    before = {name: value.clone() for name, value in net.named_parameters()}
    trainer.train_step([tiny.batch(range(8))])
    moved = {name: (value - before[name]).abs().max().item() for name, value in net.named_parameters()}
    assert moved["embed.weight"] == moved["router.weather.weight"] == moved["router.fine.weight"] == 0
    rate = tiny.CONFIG.learning_rate
    assert moved["encoder.0.0.first.scores_EO"] == pytest.approx(10 * rate, rel=0.1)
    assert moved["encoder.0.0.first.general_OP"] == pytest.approx(rate, rel=0.1)
    with pytest.raises(ValueError, match="router_crop: "):
        dataclasses.replace(config, router_crop=(65, 96))


def test_with_a_clear_route_restoring_clear_frames_is_no_task() -> None:
    model = dataclasses.replace(tiny.MODEL, clear_route=True)
    config = dataclasses.replace(tiny.CONFIG, model=model, method="mgda")
    assert config.restored == ("fog", "rain", "snow")
    trainer = tiny.build(config)
    scalars = trainer.train_step([tiny.batch(range(8))])
    assert {"loss_fog", "loss_rain", "loss_snow"} <= set(scalars) and "loss_clear" not in scalars
    assert any(parameter.grad.any() for parameter in muirf(trainer.networks).specific_parameters)


def test_a_held_posterior_stays_while_its_experts_learn() -> None:
    trainer = tiny.build(tiny.CONFIG)
    net = muirf(trainer.networks)
    net.hold_posterior()
    degraded = tiny.batch(range(8)).degraded_3HW / 255
    before, experts = net.preview(degraded)[0].weather_BK, net.router.experts.weight.clone()
    trainer.train_step([tiny.batch(range(8))])
    torch.testing.assert_close(net.preview(degraded)[0].weather_BK, before, rtol=0, atol=0)
    assert not torch.equal(net.router.experts.weight, experts)
