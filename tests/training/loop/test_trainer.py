"""The training loop on tiny networks: stages, resuming, accumulation, averages, and losses that are not finite."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support import tiny_training as tiny
from tests.support.tasks import assert_close, on_two_processes
from training.config import LoopConfig
from training.loop import processes
from training.loop.checkpoint import STATE_FILE, CheckpointError, Record, open_checkpoint, save
from training.loop.stages import Outcome, Phase, Stage, constant, locate
from training.loop.trainer import Trainer, optimizer_tensors

pytestmark = pytest.mark.usefixtures("one_thread")

RECORD = Record("tiny", {}, "", "")


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {f"{n}.{key}": v.clone() for n, net in trainer.networks.items() for key, v in net.state_dict().items()}


@pytest.mark.parametrize("stop_after", [1, 3, 5], ids=["in stage 1", "between the stages", "in stage 2"])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_stopped_and_resumed_run_equals_an_unbroken_run(tmp_path: Path, stop_after: int, decay: float) -> None:
    loop = LoopConfig(seed=3, average_decay=decay)
    whole = tiny.build(loop, dropout=0.3)
    whole.fit(tiny.batches(whole), tmp_path / "whole")

    stopped = tiny.build(loop, dropout=0.3)
    for _, batch in zip(range(stop_after), tiny.batches(stopped), strict=False):
        stopped.train_step([batch])
    stopped.save(tmp_path / "stopped", {})
    torch.manual_seed(99)  # a new process has another random state
    resumed = tiny.build(loop, dropout=0.3)
    resumed.resume(tmp_path / "stopped")
    resumed.fit(tiny.batches(resumed), tmp_path / "stopped")

    assert resumed.step == whole.step == sum(tiny.STEPS)
    assert_close(weights(resumed), weights(whole))
    assert_close(optimizer_tensors(resumed.optimizers), optimizer_tensors(whole.optimizers))
    assert set(resumed.averages) == ({"generator", "critic"} if decay else set())
    for name, average in resumed.averages.items():
        assert_close(average.module.state_dict(), whole.averages[name].module.state_dict())


def test_a_kill_between_checkpoints_costs_the_steps_since_the_last_one(tmp_path: Path) -> None:
    loop = LoopConfig(checkpoint_every=2)
    whole, killed = tiny.build(loop), tiny.build(loop)
    whole.fit(tiny.batches(whole), tmp_path / "whole")

    def until_killed() -> Iterator[tiny.Batch]:
        for index, batch in enumerate(tiny.batches(killed)):
            if index == 5:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        killed.fit(until_killed(), tmp_path / "killed")
    resumed = tiny.build(loop)
    resumed.resume(tmp_path / "killed")
    assert resumed.step == 4 and resumed.stage.name == "adversarial"
    resumed.fit(tiny.batches(resumed), tmp_path / "killed")
    assert_close(weights(resumed), weights(whole))


def test_stages_run_in_order_and_train_only_their_networks(tmp_path: Path) -> None:
    trainer = tiny.build()
    start = weights(trainer)
    coming = tiny.batches(trainer)
    for _ in range(tiny.STEPS[0]):
        assert set(trainer.train_step([next(coming)])) == {"error", "brightness", "total"}
    after_one = weights(trainer)
    assert not trainer.networks["critic"].training
    assert_close(
        {n: v for n, v in after_one.items() if "critic" in n}, {n: v for n, v in start.items() if "critic" in n}
    )
    assert not torch.equal(after_one["generator.0.weight"], start["generator.0.weight"])

    scalars = trainer.train_step([next(coming)])
    assert {"critic/real", "critic/fake", "generator/error", "generator/adversarial"} <= set(scalars)
    assert not torch.equal(trainer.networks["critic"].get_parameter("0.weight"), start["critic.0.weight"])
    trainer.save(tmp_path / "run", scalars)
    state = open_checkpoint(tmp_path / "run").state
    assert (state["step"], state["stage"], state["stage_step"]) == (4, "adversarial", 1)
    assert state["scalars"] == scalars


def test_a_phase_gives_gradients_only_to_its_own_networks() -> None:
    seen: dict[str, list[bool]] = {}

    def objective(batch: tiny.Batch, nets: Any) -> Outcome:
        seen.update({name: [p.requires_grad for p in net.parameters()] for name, net in nets.items()})
        return tiny.deceive(batch, nets)

    phase = Phase("g", ("generator",), objective, torch.optim.Adam, constant(1e-3))
    other = Phase("c", ("critic",), tiny.judge, torch.optim.Adam, constant(1e-3))
    trainer = Trainer(processes.launch(), tiny.networks(), (Stage("both", 1, (phase, other)),), LoopConfig(), RECORD)
    trainer.train_step([next(tiny.batches(trainer))])
    assert all(seen["generator"]) and not any(seen["critic"])
    assert all(p.requires_grad for net in trainer.networks.values() for p in net.parameters())


def test_accumulated_micro_batches_train_like_one_whole_batch(tmp_path: Path) -> None:
    whole, parts = tiny.build(), tiny.build(LoopConfig(accumulate=2))
    whole.fit(tiny.batches(whole), tmp_path / "whole")
    parts.fit(tiny.batches(parts), tmp_path / "parts")
    assert_close(weights(parts), weights(whole), rtol=1e-4, atol=1e-5)


def test_two_processes_have_the_same_losses_as_one(tmp_path: Path) -> None:
    one = tiny.build()
    expected = tiny.losses(one)
    on_two_processes("tiny_training.py", str(tmp_path), "run")
    found = json.loads((tmp_path / "run.json").read_text())
    assert len(found) == len(expected) == sum(tiny.STEPS)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    state = open_checkpoint(tmp_path / "run").state
    assert state["loop"]["processes"] == 2
    resumed = tiny.build(steps=(tiny.STEPS[0], tiny.STEPS[1] + 1))
    resumed.resume(tmp_path / "run")  # on one process
    assert_close(weights(resumed), weights(one), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_the_run_and_saves_the_batch(tmp_path: Path, where: str) -> None:
    trainer = tiny.build()
    good = list(tiny.batches(trainer))[:2]
    bad = torch.zeros(4, 3, 8, 8)
    broken = good[0]._replace(y_B3HW=bad / bad)
    if where == "gradient":  # sqrt has no finite gradient at 0
        trainer.networks["generator"].register_forward_hook(lambda net, inputs, made: made + (made * 0).sqrt())
        broken = good[0]
    before = weights(trainer)
    with pytest.raises(FloatingPointError, match=rf"step 0, phase imitate: .*{where} is not finite.*\.pt") as caught:
        trainer.fit([broken, *good], tmp_path / "run")
    assert_close(weights(trainer), before)
    (path,) = tmp_path.glob("run.nonfinite.step0.process0.pt")
    assert str(path) in str(caught.value)
    (saved,) = torch.load(path, weights_only=True)
    assert torch.equal(saved["x_B3HW"], broken.x_B3HW)
    assert torch.equal(saved["y_B3HW"].isnan(), broken.y_B3HW.isnan())


def test_the_average_follows_the_weights_and_is_saved(tmp_path: Path) -> None:
    trainer = tiny.build(LoopConfig(average_decay=0.5), steps=(1, 1))
    before = weights(trainer)["generator.0.weight"]
    trainer.train_step([next(tiny.batches(trainer))])
    trainer.save(tmp_path / "run", {})
    averaged = open_checkpoint(tmp_path / "run", averaged=True).weights("generator")
    torch.testing.assert_close(averaged["0.weight"], (before + weights(trainer)["generator.0.weight"]) / 2)


def test_the_average_also_averages_batchnorm_statistics() -> None:
    torch.manual_seed(0)
    networks = {"generator": nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), "critic": nn.Conv2d(3, 1, 1)}
    stages = (Stage("one", 2, (Phase("g", ("generator",), tiny.imitate, torch.optim.Adam, constant(1e-3)),)),)
    trainer = Trainer(processes.launch(), networks, stages, LoopConfig(average_decay=0.5), RECORD)
    before = trainer.networks["generator"].get_buffer("1.running_mean").clone()
    trainer.train_step([next(tiny.batches(tiny.build()))])
    after = trainer.networks["generator"].get_buffer("1.running_mean")
    assert not torch.equal(after, before)
    torch.testing.assert_close(trainer.averages["generator"].module.get_buffer("1.running_mean"), (before + after) / 2)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_outside_0_to_1_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=f"average_decay: {decay} is outside 0..1"):
        tiny.build(LoopConfig(average_decay=decay))


def test_bfloat16_keeps_the_weights_in_float32_and_learns() -> None:
    trainer = tiny.build(LoopConfig(precision="bf16-mixed"), steps=(30, 1))
    kinds: list[torch.dtype] = []
    trainer.networks["generator"].register_forward_hook(lambda net, inputs, made: kinds.append(made.dtype))
    coming = tiny.batches(trainer)
    found = [trainer.train_step([next(coming)])["error"] for _ in range(30)]
    assert set(kinds) == {torch.bfloat16}
    assert {value.dtype for value in weights(trainer).values()} == {torch.float32}
    assert found[-1] < found[0] / 2


def test_the_gradient_is_clipped() -> None:
    """With SGD at rate 1 the weights move by the gradient."""
    phase = Phase("g", ("generator",), tiny.imitate, lambda p: torch.optim.SGD(p, lr=1.0), constant(1.0))
    moved = []
    for limit in (0.0, 1e-3):
        stages = (Stage("one", 1, (phase,)),)
        trainer = Trainer(processes.launch(), tiny.networks(), stages, LoopConfig(gradient_clip=limit), RECORD)
        before = weights(trainer)
        trainer.train_step([next(tiny.batches(trainer))])
        after = weights(trainer)
        moved.append(torch.cat([(after[name] - before[name]).flatten() for name in before]).norm().item())
    assert moved[0] > 0.1 and moved[1] == pytest.approx(1e-3, rel=1e-2)


def test_every_step_has_the_rate_of_its_place_in_the_stage() -> None:
    rates = [0.1, 0.05]
    phase = Phase("g", ("generator",), tiny.imitate, lambda p: torch.optim.SGD(p, lr=1.0), rates.__getitem__)
    stages = Stage("one", 2, (phase,)), Stage("two", 2, (phase,))
    trainer = Trainer(processes.launch(), tiny.networks(), stages, LoopConfig(), RECORD)
    found = []
    for batch in tiny.batches(trainer):
        trainer.train_step([batch])
        found.append(trainer.optimizers["g"].param_groups[0]["lr"])
    assert found == 2 * rates


def test_tensorboard_gets_scalars_and_image_grids(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = tiny.build(LoopConfig(images_every=2))
    trainer.fit(tiny.batches(trainer), tmp_path / "run", tmp_path / "board")
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [event.step for event in events.Scalars("alone/error")] == [1, 2, 3]
    assert [event.step for event in events.Scalars("adversarial/critic/real")] == [4, 5, 6]
    (image, *_) = events.Images("alone/made wanted")
    assert (image.step, image.height, image.width) == (2, 4 * 8, 2 * 8)


def test_only_the_last_stage_of_a_run_may_get_longer(tmp_path: Path) -> None:
    trainer = tiny.build()
    trainer.fit(tiny.batches(trainer), tmp_path / "run")
    longer = tiny.build(steps=(3, 5))
    longer.resume(tmp_path / "run")
    moments = optimizer_tensors(trainer.optimizers)
    assert_close(optimizer_tensors(longer.optimizers), moments)
    longer.fit(tiny.batches(longer), tmp_path / "run")
    assert longer.step == 8
    with pytest.raises(CheckpointError, match="use another --out"):
        tiny.build(steps=(4, 5)).resume(tmp_path / "run")


def test_batches_that_end_early_are_an_error(tmp_path: Path) -> None:
    trainer = tiny.build()
    with pytest.raises(ValueError, match="the batches end at step 2, before the stages do"):
        trainer.fit(list(tiny.batches(trainer))[:2], tmp_path / "run")


def test_a_batch_that_cannot_be_divided_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 1 processes x 3"):
        next(tiny.batches(tiny.build(LoopConfig(accumulate=3))))


def test_locate_finds_the_stage_of_a_step() -> None:
    one, two = tiny.stages((3, 2))
    found = [locate((one, two), step) for step in range(6)]
    assert found == [(one, 0), (one, 1), (one, 2), (two, 0), (two, 1), (two, 2)]


def test_stages_with_an_unknown_network_are_refused() -> None:
    networks = {"generator": nn.Conv2d(3, 3, 1)}
    with pytest.raises(ValueError, match=r"stage 'adversarial' trains \['critic'\], but the networks are"):
        Trainer(processes.launch(), networks, tiny.stages(), LoopConfig(), RECORD)


def test_a_checkpoint_that_was_cut_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    state = {"recipe": "toy", "sources": [], "segmenter": "", "config": {}, "stages": []}
    save(tmp_path / "run", {"net": {"weight": torch.ones(100)}}, state)
    file = tmp_path / "run" / "net.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"no readable net\.safetensors"):
        open_checkpoint(tmp_path / "run").weights("net")
    (tmp_path / "run" / STATE_FILE).write_text("[]")
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        open_checkpoint(tmp_path / "run")
