"""Properties of MVGH (paper C, a reconstruction) for any gradients, meta-vectors and settings."""

import dataclasses

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.gradient_combination import copies
from training.multitask.homogenisation import HomogenisationConfig, homogenise, homogenise_, homogenised, norms

MVGH = HomogenisationConfig()
BOTH = st.builds(HomogenisationConfig, st.just(True), st.just(True), st.floats(-1, 0.99), st.floats(0, 0.99))
ANY = st.builds(HomogenisationConfig, st.booleans(), st.booleans(), st.floats(-1, 0.99), st.floats(0, 0.99))


@st.composite
def problems(draw: st.DrawFn, least_tasks: int = 2) -> tuple[Tensor, Tensor]:
    """Gradients of 1 to 6 tasks, of very different lengths, some opposed or zero; and a meta-vector."""
    tasks, size, seed = draw(st.integers(least_tasks, 6)), draw(st.integers(2, 40)), draw(st.integers(0, 2**31))
    chance = torch.Generator().manual_seed(seed)
    grad_TP = torch.randn(tasks, size, generator=chance)
    meta_P = torch.randn(size, generator=chance) * draw(st.sampled_from([0.0, 1.0, 1e-3]))
    for task in range(tasks):
        kind = draw(st.sampled_from(["any", "any", "opposed", "zero", "as the first"]))
        if kind == "opposed":
            grad_TP[task] = -meta_P + 0.1 * torch.randn(size, generator=chance)
        elif kind == "zero":
            grad_TP[task] = 0
        elif kind == "as the first":
            grad_TP[task] = -grad_TP[0]
        grad_TP[task] *= 10.0 ** draw(st.integers(-4, 4))
    return grad_TP, meta_P


def present(grad_TP: Tensor) -> Tensor:
    return norms(grad_TP) > 0


def cosines(grad_TP: Tensor, meta_P: Tensor) -> Tensor:
    """The cosines of the tasks with a gradient to a meta-vector with a direction."""
    return torch.cosine_similarity(grad_TP[present(grad_TP)].double(), meta_P.double(), dim=1, eps=1e-30)


@settings(max_examples=30, deadline=None)
@given(problems(), BOTH)
def test_afterwards_all_tasks_weigh_the_same_and_none_opposes_the_meta_vector(
    problem: tuple[Tensor, Tensor], config: HomogenisationConfig
) -> None:
    grad, meta = problem[0], homogenise(*problem, config)[1]
    assume(present(grad).sum() > 1)
    assume(meta.norm() > 1e-4)  # gradients that cancel leave no direction
    after, here = homogenised(grad, meta, config), present(grad)
    torch.testing.assert_close(norms(after)[here], norms(grad)[here].mean().expand(int(here.sum())), rtol=0.01, atol=0)
    assert (cosines(after, meta) >= config.least_cosine - 2e-3).all()
    assert (after[~here] == 0).all()


@settings(max_examples=30, deadline=None)
@given(problems(), ANY)
def test_the_update_is_the_mean_of_the_homogenised_gradients(
    problem: tuple[Tensor, Tensor], config: HomogenisationConfig
) -> None:
    grad, before = problem[0], problem[1].clone()
    update, meta = homogenise(*problem, config)
    assert update.isfinite().all() and meta.isfinite().all()
    after = homogenised(grad, meta, config).double().sum(dim=0) / max(1, int(present(grad).sum()))
    torch.testing.assert_close(update.double(), after, rtol=1e-3, atol=1e-4 * float(norms(grad).max()))
    assert torch.equal(problem[1], before)  # a pure function


@settings(max_examples=20, deadline=None)
@given(problems(), ANY, st.randoms(use_true_random=False))
def test_the_order_of_the_tasks_changes_nothing(problem: tuple[Tensor, Tensor], config, random) -> None:  # type: ignore[no-untyped-def]
    grad, meta = problem
    # If tasks cancel, only rounding decides the meta-vector's direction.
    assume(homogenise(grad, meta, config)[1].norm() > 1e-4)
    order = random.sample(range(len(grad)), len(grad))
    tolerance = {"rtol": 1e-3, "atol": 1e-3 * float(norms(grad).mean())}
    for expected, found in zip(homogenise(grad, meta, config), homogenise(grad[order], meta, config), strict=True):
        torch.testing.assert_close(found, expected, **tolerance)


@settings(max_examples=20, deadline=None)
@given(problems(), ANY)
def test_a_task_without_a_gradient_changes_nothing(
    problem: tuple[Tensor, Tensor], config: HomogenisationConfig
) -> None:
    grad, meta = problem
    without, _ = homogenise(grad, meta, config)
    silent, _ = homogenise(torch.cat([grad, torch.zeros_like(grad[:1])]), meta, config)
    torch.testing.assert_close(silent, without, rtol=1e-4, atol=1e-5 * float(norms(grad).max()))


@settings(max_examples=20, deadline=None)
@given(problems(least_tasks=1), ANY)
def test_a_single_task_does_not_change_for_any_meta_vector(
    problem: tuple[Tensor, Tensor], config: HomogenisationConfig
) -> None:
    grad = problem[0][:1]
    torch.testing.assert_close(homogenise(grad, problem[1], config)[0], grad[0], rtol=1e-5, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(problems(), st.floats(-1, 0.99))
def test_each_switch_turns_off_only_its_own_half(problem: tuple[Tensor, Tensor], least: float) -> None:
    grad, here = problem[0], present(problem[0])
    assume(here.any())
    direction = HomogenisationConfig(magnitude=False, least_cosine=least)
    meta = homogenise(*problem, direction)[1]
    torch.testing.assert_close(norms(homogenised(grad, meta, direction)), norms(grad), rtol=0.01, atol=0)
    length = homogenised(grad, meta, HomogenisationConfig(direction=False))
    similar = torch.cosine_similarity(length[here].double(), grad[here].double(), dim=1, eps=1e-30)
    torch.testing.assert_close(similar, torch.ones_like(similar), rtol=1e-5, atol=0)
    neither = HomogenisationConfig(magnitude=False, direction=False)
    torch.testing.assert_close(homogenised(grad, meta, neither), grad, rtol=1e-5, atol=0)


def test_a_turned_gradient_follows_gradvacs_formula_and_keeps_its_length() -> None:
    """By hand: v points along x, and a gradient of length 2 turns from 120 to 60 degrees from it."""
    config = HomogenisationConfig(magnitude=False, least_cosine=0.5, momentum=0.0)
    meta, grad = torch.tensor([3.0, 0.0]), torch.tensor([[-1.0, 3**0.5], [5.0, 0.0]])
    torch.testing.assert_close(homogenised(grad, meta, config), torch.tensor([[1.0, 3**0.5], [5.0, 0.0]]))
    phi, c, length = -0.5, 0.5, 2.0
    alpha = length * (c * (1 - phi**2) ** 0.5 - phi * (1 - c**2) ** 0.5) / (3.0 * (1 - c**2) ** 0.5)
    bent = grad[0] + alpha * meta
    torch.testing.assert_close(homogenised(grad, meta, config)[0], bent * length / bent.norm())


def test_the_meta_vector_remembers_where_the_tasks_agreed() -> None:
    """After a hundred steps along x, the meta-vector still points along x in a step with gradients that cancel in y."""
    meta = torch.zeros(2)
    for _ in range(100):
        _, meta = homogenise(torch.tensor([[1.0, 0.0], [5.0, 0.0]]), meta, MVGH)
    torch.testing.assert_close(meta, torch.tensor([1.0, 0.0]), rtol=1e-3, atol=0)
    update, _ = homogenise(torch.tensor([[-1.0, 1.0], [-1.0, -1.0]]), meta, MVGH)
    assert update[0] > -1e-6  # in this step both tasks oppose it, and neither may
    free, _ = homogenise(torch.tensor([[-1.0, 1.0], [-1.0, -1.0]]), meta, dataclasses.replace(MVGH, direction=False))
    assert free[0] == pytest.approx(-1)


def test_homogenise_in_place_equals_the_pure_function() -> None:
    grad, meta = torch.randn(3, 10, generator=torch.Generator().manual_seed(0)), torch.zeros(10)
    expected, moved = homogenise(grad, meta, MVGH)
    assert torch.equal(homogenise_(grad, meta, MVGH), expected) and torch.equal(meta, moved)


@pytest.mark.parametrize(
    ("setting", "message"), [({"least_cosine": 1.0}, "least_cosine: 1.0"), ({"momentum": 1.0}, "momentum: 1.0")]
)
def test_settings_out_of_bounds_are_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HomogenisationConfig(**setting)  # type: ignore[arg-type]


@pytest.mark.parametrize("tasks", [1, 4])
def test_memory_holds_the_tasks_gradients_and_two_more_vectors(tasks: int) -> None:
    assert copies(tasks, 100_000) == pytest.approx(tasks + 2, abs=0.1)
