"""Paper B's stage: the reweighted sum, its history, the rate."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import tiny_collaboration as tiny
from tests.support.tasks import collate
from training.loop.checkpoint import open_checkpoint
from training.loop.stages import cosine
from training.multitask.reweighting import Collaboration
from training.recipes.paper_b import losses as multiscale
from training.recipes.paper_b.config import MultiScaleLossConfig, ReweightingConfig, paper_b
from training.recipes.paper_b.objective import scales, stages

TASKS = tiny.CONFIG.tasks

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_defaults_are_the_papers() -> None:
    config = paper_b()
    assert config.loss == MultiScaleLossConfig(charbonnier=1.0, edge=0.05, frequency=0.01)
    assert (config.steps, config.reweighting.strategy) == (300_000, "ori")
    (stage,) = stages(config)
    (phase,) = stage.phases
    assert isinstance(phase.optimizer([torch.nn.Parameter(torch.zeros(1))]), torch.optim.Adam)
    rates = [phase.learning_rate(step) for step in (0, 150_000, 299_999)]
    assert rates == pytest.approx([2e-4, (2e-4 + 1e-6) / 2, 1e-6], rel=1e-4)


def test_the_rate_stays_low_where_a_run_is_lengthened() -> None:
    rate = cosine(1.0, 0.1, 5)
    assert [rate(step) for step in (4, 5, 100)] == [0.1] * 3


def test_the_objective_is_the_sum_over_tasks_of_weight_times_mean_loss() -> None:
    """In a batch of 3, 2 and 1 examples of the tasks, with weights made unequal by an easier batch before."""
    trainer = tiny.build()
    objective, nets = trainer.stage.phases[0].objective, trainer.networks
    easy = collate([tiny.example(i) for i in range(3)])
    objective(easy._replace(degraded_3HW=(easy.degraded_3HW / 2 + easy.clear_3HW / 2).byte()), nets)
    batch = collate([tiny.example(i) for i in (3, 6, 9, 4, 7, 5)])
    outcome = objective(batch, nets)

    expected, task_weights = torch.zeros(3), []
    for task, rows in enumerate((slice(0, 3), slice(3, 5), slice(5, 6))):
        outputs = scales(nets, batch.degraded_3HW[rows] / 255)
        pair = outputs, batch.clear_3HW[rows] / 255
        terms = [multiscale.charbonnier(*pair), 0.05 * multiscale.edge(*pair), 0.01 * multiscale.frequency(*pair)]
        task_weights.append(outcome.scores[f"weight_{TASKS[task]}"])
        expected += task_weights[-1] * torch.stack(terms).detach()
        torch.testing.assert_close(outcome.scores[f"loss_{TASKS[task]}"], torch.stack(terms).sum().detach())
    assert sum(task_weights) == pytest.approx(1) and len({round(float(w), 4) for w in task_weights}) > 1
    torch.testing.assert_close(torch.stack(list(outcome.terms.values())), expected)


def test_training_restores_and_logs_every_tasks_loss_weight_and_indices() -> None:
    trainer = tiny.build(dataclasses.replace(tiny.CONFIG, steps=40))
    found = tiny.train(trainer)
    assert found[-1]["total"] < 0.8 * found[0]["total"]
    assert found[-1]["gain_dB"] > found[0]["gain_dB"]
    expected = {f"{kind}_{task}" for kind in ("loss", "weight", "rci", "aci") for task in TASKS}
    assert expected <= set(found[0])
    assert all(sum(step[f"weight_{task}"] for task in TASKS) == pytest.approx(1, abs=1e-5) for step in found)
    assert found[0]["weight_fog"] == pytest.approx(1 / 3)  # all tasks are at their best at first
    assert list(trainer.images) == ["degraded", "restored", "clear"]


def test_static_weights_stay_and_the_mean_of_the_others_is_remembered() -> None:
    shares = (0.5, 0.3, 0.2)
    config = dataclasses.replace(tiny.CONFIG, reweighting=ReweightingConfig("static", static=shares))
    for step in tiny.train(tiny.build(config)):
        assert [step[f"weight_{task}"] for task in TASKS] == pytest.approx(shares)
    trainer = tiny.build()
    found = tiny.train(trainer)
    memory = trainer.stage.phases[0].memory
    assert isinstance(memory, Collaboration)
    means = [sum(step[f"weight_{task}"] for step in found) / len(found) for task in TASKS]
    assert memory.mean_weights_T.tolist() == pytest.approx(means, abs=1e-5)


@pytest.mark.parametrize(
    ("strategy", "static", "message"),
    [("static", (), "needs a weight"), ("ori", (1.0,), "no other"), ("static", (0.5, 0.6), "sum to 1")],
)
def test_static_weights_that_cannot_be_are_refused(strategy: str, static: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReweightingConfig(strategy, static=static)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 weights for the 3 tasks"):
        dataclasses.replace(tiny.CONFIG, reweighting=ReweightingConfig("static", static=(0.5, 0.5)))


@pytest.mark.parametrize("strategy", ["none", "rci", "aci", "ori"])
def test_a_task_whose_loss_jumps_gains_weight_unless_none_is_asked(strategy: str) -> None:
    config = dataclasses.replace(tiny.CONFIG, reweighting=ReweightingConfig(strategy))  # type: ignore[arg-type]
    trainer = tiny.build(config)
    tiny.train(trainer, 1)
    hard = collate([tiny.example(index) for index in range(6)])
    rain = (hard.weather == 1)[:, None, None, None]
    scalars = trainer.train_step([hard._replace(degraded_3HW=torch.where(rain, 0, hard.degraded_3HW))])
    gained = scalars["weight_rain"] > 1 / 3 + 1e-3
    assert gained == (strategy != "none")


def test_the_history_is_a_file_of_the_checkpoint(tmp_path: Path) -> None:
    trainer = tiny.build()
    tiny.train(trainer, 2)
    trainer.save(tmp_path / "run", {})
    saved = open_checkpoint(tmp_path / "run").group("restore_memory")
    assert set(saved) == {"last_T", "baseline_T", "best_T", "steps", "summed_T"} and saved["steps"] == 2
    with pytest.raises(ValueError, match="a history of 3 tasks; this run has 2"):
        Collaboration(ReweightingConfig(), 2).load_state_dict(saved)


def test_an_average_over_unequal_shares_of_the_tasks_gives_the_mean_of_all_examples() -> None:
    """What one of two processes does with two examples of the first task, while the other has one of the second."""

    def average(tensors: list[Tensor]) -> None:  # type: ignore[type-arg, unused-ignore]
        others = torch.tensor([0.0, 5.0]), torch.tensor([0.0, 1.0])
        for mine, theirs in zip(tensors, others, strict=True):
            mine.copy_((mine + theirs) / 2)

    collaboration = Collaboration(ReweightingConfig("none"), 2, average)  # type: ignore[arg-type]
    collaboration.advance(torch.tensor([6.0, 0.0]), torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(collaboration.history.last_T, torch.tensor([3.0, 5.0]))
    # mean over both of factor * sum = weight * mean loss: (f * 6 + 0) / 2 = 3 / 2 and (0 + f * 5) / 2 = 5 / 2
    torch.testing.assert_close(collaboration.factors_T, torch.tensor([0.5, 1.0]))


def test_examples_of_no_task_are_refused_so_clear_frames_count_only_if_named() -> None:
    batch = collate([tiny.example(index) for index in range(6)])
    with_clear = batch._replace(weather=torch.tensor([0, 1, 2, 3, 0, 1]))
    with pytest.raises(ValueError, match=r"tasks \[0, 1, 2, 3\], but the tasks are \{0: 'fog', 1: 'rain', 2: 'snow'\}"):
        tiny.build().train_step([with_clear])
    assert tiny.build(tiny.CONFIG.of_tasks(("clear", *TASKS))).train_step([with_clear])[
        "weight_clear"
    ] == pytest.approx(1 / 4)
