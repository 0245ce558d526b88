"""Properties of RCI, ACI and ORI (paper B, section 3.3) for any history of the tasks' losses."""

import math
from collections.abc import Sequence
from functools import reduce
from typing import get_args

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.multitask.reweighting import Balance, History, Index, ReweightingConfig, no_history, reweigh

ORI = ReweightingConfig("ori")
STRATEGIES = st.sampled_from(get_args(Index))
CONFIGS = st.builds(ReweightingConfig, STRATEGIES, st.floats(0, 0.99), st.floats(0.2, 10))
LOSS = st.floats(2.0**-10, 100.0)


@st.composite
def loss_rows(draw: st.DrawFn, present: bool = False) -> list[list[float]]:
    """A row of losses per step, with one loss per task; NaN for a task that is not in the batch."""
    tasks = draw(st.integers(1, 5))
    one = LOSS if present else LOSS | st.just(math.nan)
    return draw(st.lists(st.lists(one, min_size=tasks, max_size=tasks), min_size=1, max_size=8))


def walk(rows: Sequence[Sequence[float]], config: ReweightingConfig = ORI) -> tuple[Balance, History]:
    """The weights of the last step, and the history after it."""
    start = reweigh(torch.tensor(rows[0]), no_history(len(rows[0])), config)
    return reduce(lambda state, row: reweigh(torch.tensor(row), state[1], config), rows[1:], start)


@settings(max_examples=40, deadline=None)
@given(loss_rows(), CONFIGS)
def test_weights_are_shares_of_one_for_any_losses(rows: list[list[float]], config: ReweightingConfig) -> None:
    weights = walk(rows, config)[0].weights_T
    assert weights.isfinite().all() and (weights >= 0).all()
    assert weights.sum().item() == pytest.approx(1, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(LOSS, min_size=1, max_size=8), st.integers(1, 5), CONFIGS)
def test_tasks_with_equal_losses_have_equal_weights(losses: list[float], tasks: int, config: ReweightingConfig) -> None:
    weights = walk([[loss] * tasks for loss in losses], config)[0].weights_T
    torch.testing.assert_close(weights, torch.full((tasks,), 1 / tasks))


@settings(max_examples=40, deadline=None)
@given(loss_rows(present=True), st.floats(1.01, 100), CONFIGS)
def test_a_lagging_task_gains_weight(rows: list[list[float]], factor: float, config: ReweightingConfig) -> None:
    """A larger loss in the last step raises its task's weight, and lowers no other task's share of the rest."""
    assume(len(rows[0]) > 1 and len(rows) > 1 and config.strategy != "none" and config.momentum > 0.1)
    worse = [*rows[:-1], [max(max(row) for row in rows) * factor, *rows[-1][1:]]]
    before, after = walk(rows, config)[0].weights_T, walk(worse, config)[0].weights_T
    assert after[0] >= before[0] - 1e-6
    if before[0] < 0.99 and rows[-1][0] * 1.1 < worse[-1][0]:
        assert after[0] > before[0]


@settings(max_examples=40, deadline=None)
@given(loss_rows(present=True), CONFIGS)
def test_a_task_at_its_best_has_the_least_weight_and_if_all_are_the_weights_are_uniform(
    rows: list[list[float]], config: ReweightingConfig
) -> None:
    assume(config.strategy in ("aci", "ori"))
    best = [min(column) for column in zip(*rows, strict=True)]
    one = walk([*rows, [best[0], *rows[-1][1:]]], config)[0]
    assert one.aci_T[0] == 0
    assert one.weights_T[0] <= one.weights_T.min() + 1e-6
    every = walk([*rows, best], config)[0]
    torch.testing.assert_close(every.weights_T, torch.full((len(best),), 1 / len(best)))


@settings(max_examples=40, deadline=None)
@given(loss_rows(), st.sampled_from([2.0**-6, 0.5, 4.0]), CONFIGS)
def test_the_unit_of_a_tasks_loss_does_not_matter(
    rows: list[list[float]], unit: float, config: ReweightingConfig
) -> None:
    scaled = [[row[0] * unit, *row[1:]] for row in rows]
    torch.testing.assert_close(walk(scaled, config)[0].weights_T, walk(rows, config)[0].weights_T, rtol=1e-3, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(loss_rows(present=True), CONFIGS)
def test_the_order_of_the_tasks_does_not_matter(rows: list[list[float]], config: ReweightingConfig) -> None:
    turned = walk([row[::-1] for row in rows], config)[0].weights_T
    torch.testing.assert_close(turned.flip(0), walk(rows, config)[0].weights_T)


@settings(max_examples=40, deadline=None)
@given(loss_rows(), CONFIGS)
def test_a_task_that_is_not_in_the_batch_keeps_its_last_known_loss(
    rows: list[list[float]], config: ReweightingConfig
) -> None:
    _, before = walk(rows, config)
    balance, after = reweigh(torch.full((len(rows[0]),), torch.nan), before, config)
    for kept, was in zip(after, before, strict=True):
        torch.testing.assert_close(kept, was, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(balance.weights_T, walk(rows, config)[0].weights_T)


def test_the_equations_by_hand() -> None:
    """m = 0.8. Fog: 1.0, 0.5, 0.8; rain: 2.0, 3.0, 2.5."""
    balance, history = walk([[1.0, 2.0], [0.5, 3.0], [0.8, 2.5]], ReweightingConfig("ori", 0.8, 0.5))
    baseline = [0.8 * (0.8 * 1.0 + 0.2 * 0.5) + 0.2 * 0.8, 0.8 * (0.8 * 2.0 + 0.2 * 3.0) + 0.2 * 2.5]
    rci = [0.8 / baseline[0], 2.5 / baseline[1]]
    aci = [math.log(0.8 / 0.5), math.log(2.5 / 2.0)]
    powers = [math.exp(eta * phi / 0.5) for eta, phi in zip(rci, aci, strict=True)]
    torch.testing.assert_close(history.baseline_T, torch.tensor(baseline))
    torch.testing.assert_close(history.best_T, torch.tensor([0.5, 2.0]))
    torch.testing.assert_close(balance.rci_T, torch.tensor(rci))
    torch.testing.assert_close(balance.aci_T, torch.tensor(aci))
    torch.testing.assert_close(balance.weights_T, torch.tensor(powers) / sum(powers))


def test_every_strategy_of_the_ablation_uses_its_own_index() -> None:
    rows = [[1.0, 2.0, 3.0], [0.5, 3.0, 3.0]]
    found = {strategy: walk(rows, ReweightingConfig(strategy))[0] for strategy in get_args(Index)}
    rci, aci = found["none"].rci_T, found["none"].aci_T
    for strategy, index in {"none": 0 * rci, "rci": rci, "aci": aci, "ori": rci * aci}.items():
        torch.testing.assert_close(found[strategy].weights_T, index.softmax(0))
    assert len({tuple(balance.weights_T.tolist()) for balance in found.values()}) == 4


def test_a_lower_temperature_sharpens_the_weights() -> None:
    rows = [[1.0, 1.0], [1.0, 2.0]]
    mild, sharp = (walk(rows, ReweightingConfig("ori", 0.9, kappa))[0].weights_T[1] for kappa in (2.0, 0.2))
    assert 0.5 < mild < sharp


def test_a_task_without_a_loss_so_far_is_neutral() -> None:
    balance, history = walk([[1.0, math.nan], [2.0, math.nan]])
    assert balance.rci_T[1] == 1 and balance.aci_T[1] == 0
    assert history.last_T[1].isnan()
    _, history = reweigh(torch.tensor([math.nan, 5.0]), history, ORI)
    assert [value[1].item() for value in history] == [5.0, 5.0, 5.0]


def test_a_loss_of_zero_is_the_best_loss_and_not_a_nan() -> None:
    balance, _ = walk([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    assert balance.weights_T.isfinite().all()
    assert balance.weights_T[0] > 0.99  # it is as far from its best as possible


def test_no_gradient_passes_through_the_weights() -> None:
    losses = torch.tensor([1.0, 2.0], requires_grad=True)
    assert not reweigh(losses, no_history(2), ORI)[0].weights_T.requires_grad


@pytest.mark.parametrize(("momentum", "temperature", "field"), [(1.0, 1.0, "momentum"), (0.5, 0.0, "temperature")])
def test_settings_out_of_bounds_are_refused_by_name(momentum: float, temperature: float, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ReweightingConfig("ori", momentum, temperature)
