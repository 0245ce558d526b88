"""The displacement of an inner loop over the tasks, as MVGH's meta-vector (paper C, a reconstruction)."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from tests.support import tiny_joint as tiny
from training.multitask.combination import MetaVector
from training.multitask.homogenisation import HomogenisationConfig, homogenise_
from training.multitask.inner_loop import displacement
from training.recipes.paper_c.objective import NETWORK, PaperC

pytestmark = pytest.mark.usefixtures("one_thread")


def bowl(weights: list[nn.Parameter], centre: Tensor) -> Tensor:
    return (torch.cat([weight.flatten() for weight in weights]) - centre).square().sum()


def test_each_task_steps_from_where_the_last_one_ended_and_the_weights_come_back() -> None:
    weights = [nn.Parameter(torch.tensor([3.0, 0.0])), nn.Parameter(torch.tensor([[4.0]]))]
    centres = [torch.tensor([0.0, 0.0, 0.0]), torch.tensor([3.0, 9.0, 4.0])]
    losses = [lambda c=centre: bowl(weights, c) for centre in centres]
    moved = displacement(weights, [*losses, lambda: None], step=0.1)

    start = torch.tensor([3.0, 0.0, 4.0])
    place = start.clone()
    for centre in centres:
        place = place + 0.5 * (centre - place) / (centre - place).norm()  # 0.1 of the norm of the weights, 5
    torch.testing.assert_close(moved, start - place)
    assert [weight.tolist() for weight in weights] == [[3.0, 0.0], [[4.0]]]


def test_the_meta_vector_takes_the_way_of_the_loop_and_turns_gradients_to_it() -> None:
    config = HomogenisationConfig(momentum=0.0, meta="inner_loop")
    grad_TP, way_P = torch.tensor([[1.0, 0.0], [-0.6, 0.8]]), torch.tensor([0.0, 20.0])
    meta_P = torch.zeros(2)
    update = homogenise_(grad_TP, meta_P, config, way_P)
    assert meta_P.tolist() == [0.0, 1.0]  # the gradients' own mean would point elsewhere
    torch.testing.assert_close(update, grad_TP.mean(dim=0))  # neither opposes it
    opposed = torch.tensor([[1.0, 0.0], [0.6, -0.8]])
    turned = homogenise_(opposed, torch.zeros(2), config, way_P)
    assert turned[1] >= -1e-6 > opposed.mean(dim=0)[1]


def test_training_with_an_inner_loop_follows_it_and_leaves_the_weights_as_they_were() -> None:
    config = dataclasses.replace(tiny.CONFIG, steps=2)
    config = dataclasses.replace(config, homogenisation=HomogenisationConfig(meta="inner_loop"))
    trainer = tiny.build(config)
    found = tiny.train(trainer)
    join = trainer.stage.phases[0].join
    assert join and isinstance(join.combination, MetaVector) and join.combination.meta_P is not None
    plain = tiny.build(dataclasses.replace(config, homogenisation=HomogenisationConfig()))
    other = tiny.train(plain, 2)
    assert found[0]["total"] == other[0]["total"]
    assert found[1]["total"] != other[1]["total"]


def test_the_inner_loop_takes_the_kernels_of_the_true_weather_as_training_does() -> None:
    """Whatever weather the router would take it for; the two biases are equally long, and so are the steps."""
    config = dataclasses.replace(tiny.CONFIG, homogenisation=HomogenisationConfig(meta="inner_loop"))
    found: list[Tensor] = []
    for mistaken in (1, 2):
        net = tiny.network()
        with torch.no_grad():
            net.router.weather.weight.zero_()
            net.router.weather.bias.copy_(20.0 * torch.eye(4)[mistaken])
        PaperC(config, guide=found.append).prepare([tiny.batch(range(8))], {NETWORK: net})
    assert torch.equal(*found) and found[0].norm() > 0


def test_settings_out_of_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="meta: reptile"):
        HomogenisationConfig(meta="reptile")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="inner_step: 0"):
        HomogenisationConfig(inner_step=0)
