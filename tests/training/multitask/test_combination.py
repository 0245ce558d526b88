"""Methods that join task gradients: MVGH (a reconstruction of paper C), ORI, and those of the torchjd library."""

import copy
from importlib.util import find_spec
from typing import get_args

import pytest
import torch
from torch import Tensor

from training.multitask.combination import MetaVector, Method, OnlineWeights, SumLength, TorchJd, build, conflict, gram
from training.multitask.homogenisation import HomogenisationConfig, gram_after, homogenise, homogenised
from training.multitask.reweighting import ReweightingConfig

MVGH, ORI = HomogenisationConfig(), ReweightingConfig()
NEEDS_ECOS = pytest.mark.skipif(not find_spec("ecos"), reason="Nash-MTL's solver ecos (GPL-3) is not installed")
METHODS = [pytest.param(name, marks=NEEDS_ECOS if name == "nash_mtl" else ()) for name in get_args(Method)]
CONFLICTING = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
LOSSES = torch.tensor([1.0, 2.0, 0.5])


def combined(method: Method, grad_TP: Tensor) -> Tensor:
    return build(method, len(grad_TP), MVGH, ORI).combine(grad_TP, torch.ones(len(grad_TP)))[0]


def steps(count: int, tasks: int = 3) -> list[Tensor]:
    chance = torch.Generator().manual_seed(0)
    return [torch.randn(tasks, 5, generator=chance) + 0.5 for _ in range(count)]


def test_sum_adds_the_gradients() -> None:
    torch.testing.assert_close(combined("sum", CONFLICTING), torch.tensor([0.0, 1.0]))


def test_pcgrad_projects_each_of_two_conflicting_gradients_onto_the_others_normal_plane() -> None:
    """(1, 0) loses its part along (-1, 1): (.5, .5); (-1, 1) loses its part along (1, 0): (0, 1)."""
    torch.testing.assert_close(combined("pcgrad", CONFLICTING), torch.tensor([0.5, 1.5]))


def test_mgda_finds_the_shortest_convex_combination() -> None:
    """It is the point nearest to the origin on the segment from (2, 0) to (0, 1)."""
    found = combined("mgda", torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([0.4, 0.8]), rtol=0.02, atol=0.01)


def test_imtl_g_has_equal_projections_on_all_unit_gradients() -> None:
    grad = steps(1)[0]
    projections = torch.nn.functional.normalize(grad, dim=1) @ combined("imtl_g", grad)
    torch.testing.assert_close(projections, projections[:1].expand(3), rtol=1e-3, atol=1e-4)


def test_cagrad_stays_within_half_a_length_of_the_mean_gradient_and_helps_the_worst_task() -> None:
    grad = torch.tensor([[1.0, 0.2], [-0.6, 1.0]])
    mean, found = grad.mean(dim=0), combined("cagrad", grad)
    assert (found - mean).norm() == pytest.approx(0.5 * mean.norm().item(), rel=0.01)
    assert (grad @ found).min() > (grad @ mean).min() + 1e-3


@NEEDS_ECOS
def test_nash_mtl_solves_the_bargaining_equation() -> None:
    """G alpha = 1 / alpha, with the inner products G: each task's gain is the inverse of its weight."""
    grad = torch.tensor([[1.0, 0.2], [0.3, 0.5]])
    update = combined("nash_mtl", grad)
    alpha = torch.linalg.solve(grad.T, update)
    shares = (grad @ update) * alpha
    torch.testing.assert_close(shares, shares.mean().expand(2), rtol=0.05, atol=0)


def test_ori_gives_a_lagging_task_more_weight() -> None:
    ori = OnlineWeights(ORI, 2)
    grad = torch.eye(2)
    first, _ = ori.combine(grad, torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(first, torch.tensor([0.5, 0.5]))
    second, _ = ori.combine(grad, torch.tensor([1.0, 3.0]))
    assert second[1] > second[0] and second.sum() == pytest.approx(1)


def test_mvgh_equals_the_pure_function_with_its_meta_vector() -> None:
    method, meta = MetaVector(MVGH), torch.zeros(5)
    for grad in steps(4):
        expected, meta = homogenise(grad, meta, MVGH)
        found, scores = method.combine(grad, LOSSES)
        torch.testing.assert_close(found, expected)
        after = homogenised(grad, meta, MVGH)
        torch.testing.assert_close(gram_after(grad, gram(grad), meta, MVGH), gram(after), rtol=1e-3, atol=1e-4)
        assert scores["conflict"] == conflict(gram(grad)) and scores["conflict_after"] == conflict(gram(after))


def test_conflict_is_the_share_of_pairs_that_point_apart() -> None:
    grad = torch.tensor([[1.0, 0.0], [-1.0, 0.1], [1.0, 1.0], [0.0, 0.0]])
    assert conflict(gram(grad)) == pytest.approx(2 / 3)  # the task without a gradient is in no pair
    assert conflict(gram(grad[:1])) == 0
    assert conflict(gram(torch.eye(2))) == 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_continues_from_its_state_as_if_it_had_not_stopped(method: Method) -> None:
    whole, grads = build(method, 3, MVGH, ORI), steps(4)
    for grad in grads[:2]:
        whole.combine(grad, LOSSES * grad.norm())
    resumed = build(method, 3, MVGH, ORI)
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
    for grad in grads[2:]:
        torch.manual_seed(int(torch.randint(1000, ())))  # other code draws random numbers, too
        expected, found = (each.combine(grad, LOSSES * grad.norm())[0] for each in (whole, resumed))
        assert torch.equal(found, expected) and found.shape == (5,) and found.isfinite().all()


def test_the_librarys_random_choices_do_not_change_those_of_the_training() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    TorchJd("pcgrad", 3).combine(steps(1)[0], LOSSES)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("method", METHODS)
def test_updates_of_any_method_can_be_as_long_as_the_sum_in_their_own_direction(method: Method) -> None:
    grad = steps(1)[0]
    own = build(method, 3, MVGH, ORI).combine(grad, LOSSES)[0]
    found, scores = SumLength(build(method, 3, MVGH, ORI)).combine(grad, LOSSES)
    assert found.norm().item() == pytest.approx(grad.sum(dim=0).norm().item(), rel=1e-5)
    torch.testing.assert_close(found, own * scores["stretch"])
    assert scores["stretch"] > 0 and "conflict" in scores


def test_an_update_of_zeros_is_not_stretched() -> None:
    found, _ = SumLength(build("sum", 2, MVGH, ORI)).combine(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), LOSSES)
    assert found.tolist() == [0, 0]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no method 'gradnorm'; there are \['cagrad'.*mvgh and ori"):
        build("gradnorm", 2, MVGH, ORI)  # type: ignore[arg-type]
