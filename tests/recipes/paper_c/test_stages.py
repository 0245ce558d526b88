"""Joint training of MUIRF (paper C, a reconstruction): task gradients joined on the shared weights alone."""

import math

import pytest
import torch
from torch import Tensor, nn

from tests.support import tiny_joint as tiny
from tests.support.tasks import assert_close
from training.loop.stages import Join, TaskLoss
from training.loop.task_gradients import TaskGradients
from training.loop.trainer import Trainer
from training.losses import restoration
from training.multitask.homogenisation import homogenise
from training.recipes.paper_c.objective import NETWORK, muirf

TASKS = tiny.CONFIG.tasks

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.networks[NETWORK].state_dict().items()}


def task_loss(net: nn.Module, batch, task: int) -> Tensor:  # type: ignore[no-untyped-def]
    """The mean over a task's examples, from one forward pass of the whole batch."""
    at = batch.weather == task
    pair = net(batch.degraded_3HW / 255, batch.weather).restored_B3HW[at], batch.clear_3HW[at] / 255
    return restoration.charbonnier(*pair) + tiny.CONFIG.edge_weight * restoration.edge(*pair)


def flat_gradient(loss: Tensor, parameters: tuple[nn.Parameter, ...]) -> Tensor:
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat(
        [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in zip(found, parameters, strict=True)]
    )


@pytest.mark.parametrize("indices", [range(8), [0, 4, 8, 12, 1, 2, 5, 3]], ids=["balanced", "unbalanced"])
def test_shared_weights_get_mvgh_of_the_tasks_mean_gradients_and_each_weathers_own_keep_theirs(
    indices: list[int],
) -> None:
    trainer, batch = tiny.build(tiny.of_method("mvgh")), tiny.batch(indices)
    phase, net = trainer.stage.phases[0], muirf(trainer.networks)
    losses = [task_loss(net, batch, task) for task in range(4)]
    grad_TP = torch.stack([flat_gradient(loss, net.shared_parameters) for loss in losses])
    update, _ = homogenise(grad_TP, torch.zeros_like(grad_TP[0]), tiny.CONFIG.homogenisation)
    whole = sum(task_loss(net, batch, task) * (batch.weather == task).float().mean() for task in range(4))
    own = flat_gradient(whole, net.specific_parameters)

    assert phase.join and phase.prepare
    gradients = TaskGradients(phase.join, list(net.parameters()), trainer.networks)
    phase.prepare([batch], trainer.networks)
    outcome = phase.objective(batch, trainer.networks)
    total = gradients.add(outcome.tasks, 1)
    found = gradients.join(trainer.fabric, "step 0")
    torch.testing.assert_close(total, whole.detach())
    shared = torch.cat([parameter.grad.flatten() for parameter in net.shared_parameters])
    torch.testing.assert_close(shared, update, rtol=1e-3, atol=1e-5)
    kept = torch.cat([parameter.grad.flatten() for parameter in net.specific_parameters])
    torch.testing.assert_close(kept, own, rtol=1e-3, atol=1e-6)
    for task, loss in zip(TASKS, losses, strict=True):
        assert found[f"loss_{task}"] == pytest.approx(loss.item(), rel=1e-4)
    assert 0 <= found["conflict_after"] <= 1 and 0 <= found["conflict"] <= 1


def test_training_by_the_plain_sum_is_ordinary_training_of_the_balanced_batch() -> None:
    """With the terms of routing left as they are: the sum of 4 mean gradients is 4 times that of the batch's mean."""
    trainer, batch = tiny.build(tiny.of_method("sum")), tiny.batch(range(8))
    trainer.train_step([batch])
    net, other = muirf(trainer.networks), tiny.build()
    phase, plain = other.stage.phases[0], muirf(other.networks)
    assert phase.prepare
    phase.prepare([batch], other.networks)
    outcome = phase.objective(batch, other.networks)
    tasks = torch.stack([task.mean for task in outcome.tasks.values()])
    shared = flat_gradient(tasks.sum() + torch.stack(list(outcome.terms.values())).sum(), plain.shared_parameters)
    found = torch.cat([parameter.grad.flatten() for parameter in net.shared_parameters])
    torch.testing.assert_close(found, shared, rtol=1e-3, atol=1e-5)


def test_the_common_terms_are_those_of_the_router_its_experts_load_and_the_sharing() -> None:
    trainer, batch = tiny.build(), tiny.batch(range(8))
    phase, net = trainer.stage.phases[0], muirf(trainer.networks)
    with torch.no_grad():
        net.router.experts.bias[0] += 2.0  # one expert bears most of the load
    assert phase.prepare
    phase.prepare([batch], trainer.networks)
    terms = phase.objective(batch, trainer.networks).terms
    found = net(batch.degraded_3HW / 255, batch.weather)
    load_E, share = found.routing.gate_BE.mean(dim=0), torch.cat(found.masks, dim=1).mean()
    expected = {
        "weather": 0.1 * nn.functional.cross_entropy(found.routing.logits_BK, batch.weather, label_smoothing=0.02),
        "balance": 0.01 * (2 * load_E.square().sum() - 1),
        "sharing": 0.1 * (share - 0.7).square(),
    }
    assert list(terms) == list(expected) and expected["balance"] > 1e-3
    for name, value in expected.items():
        torch.testing.assert_close(terms[name].detach(), value.detach(), rtol=1e-4, atol=1e-7, msg=name)
    (towards_E,) = torch.autograd.grad(terms["balance"], net.router.experts.bias)
    assert towards_E[0] > 0 > towards_E[1]  # training takes load from the first and gives it to the second


def test_training_restores_learns_the_weather_and_logs_the_conflict() -> None:
    trainer = tiny.build(tiny.of_method("mvgh", steps=50, learning_rate=2e-2))
    found = tiny.train(trainer)
    assert found[-1]["gain_dB"] > found[0]["gain_dB"] + 1
    assert found[-1]["weather_accuracy"] > 0.7 > found[0]["weather_accuracy"]
    expected = {"total", "weather", "balance", "sharing", "share_of_channels", "conflict", "conflict_after"}
    assert expected | {f"loss_{task}" for task in TASKS} <= set(found[0])
    assert list(trainer.images) == ["degraded", "restored", "clear"]


def test_a_task_without_an_example_moves_nothing_and_says_so() -> None:
    trainer = tiny.build()
    scalars = trainer.train_step([tiny.batch([0, 1, 4, 5])])  # no rain, no snow
    assert math.isnan(scalars["loss_rain"]) and not math.isnan(scalars["loss_fog"])
    net = muirf(trainer.networks)
    assert all(not parameter.grad[2:].any() for parameter in net.specific_parameters)
    assert all(parameter.isfinite().all() for parameter in net.parameters())


def test_what_cannot_be_joined_is_refused_by_name() -> None:
    trainer = tiny.build()
    named = tiny.batch(range(4))
    with pytest.raises(ValueError, match=r"examples of the tasks \[0, 1, 2, 7\], but the tasks are"):
        trainer.train_step([named._replace(weather=torch.tensor([0, 1, 2, 7]))])
    join = trainer.stage.phases[0].join
    assert join
    elsewhere = Join(TASKS, lambda _: [nn.Parameter(torch.zeros(1))], join.combination)
    with pytest.raises(ValueError, match="shared parameters: some are not the phase's"):
        TaskGradients(elsewhere, list(trainer.networks[NETWORK].parameters()), trainer.networks)
    gradients = TaskGradients(join, list(trainer.networks[NETWORK].parameters()), trainer.networks)
    with pytest.raises(ValueError, match=r"gave losses of \('haze',\), but the phase joins"):
        gradients.add({"haze": TaskLoss(torch.zeros(()), 1)}, 1)


def test_a_task_whose_gradient_is_not_finite_stops_the_run_before_its_weights_change() -> None:
    trainer = tiny.build()
    with torch.no_grad():
        next(iter(muirf(trainer.networks).specific_parameters))[1, 0, 0] = math.nan  # fog's
    before = weights(trainer)
    with pytest.raises(FloatingPointError, match="step 0, phase restore: a loss is not finite"):
        tiny.train(trainer, 1)
    assert_close(weights(trainer), before)
