"""Mixtures of degradations: the shares of the draws, and their strength."""

import numpy as np
import pytest

from training.data.degradations import DEGRADATIONS, LEVELS
from training.data.degradations.near_misses import NEAR_MISSES
from training.data.degradations.other_frames import OTHER_FRAMES
from training.data.mixture import (
    CONDITION_OF,
    CONDITIONS,
    DEFAULT_MIXTURE,
    FROM_SEVERITY,
    MIXED_TO_SEVERITY,
    MOST_NEAR_MISSES,
    NEAR_MISS,
    OTHER_FRAME,
    SEVERITIES,
    ConditionMixture,
    Mixture,
    Plan,
    Step,
)


@pytest.mark.parametrize("shares", [{"jpeg": 3.0, "fog": 1.0}, {"jpeg": 3, "fog": 1}])
def test_shares_are_kept_and_severities_fit_the_degradation(shares: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    mixture = Mixture(shares)
    drawn = [mixture.draw(rng) for _ in range(2000)]
    jpeg = [d.severity for d in drawn if d.name == "jpeg"]
    assert 0.7 < len(jpeg) / len(drawn) < 0.8
    assert set(jpeg) == set(range(1, LEVELS["jpeg"] + 1))
    assert all(SEVERITIES[0] <= d.severity <= SEVERITIES[1] for d in drawn if d.name == "fog")
    assert {(d.number, d.name) for d in drawn} == {(0, "jpeg"), (1, "fog")}


@pytest.mark.parametrize("shares", [{}, {"sunshine": 1}, {"fog": 0.0}])
def test_a_mixture_that_cannot_be_drawn_is_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mixture: needs positive shares"):
        Mixture(shares)


def test_the_default_mixture_keeps_the_shares_asked_for() -> None:
    rng = np.random.default_rng(0)
    plans = [DEFAULT_MIXTURE.draw(rng) for _ in range(6000)]
    alone = [plan for plan in plans if len(plan.weathers) < 2]
    drops = [plan for plan in alone if plan.severities()[CONDITIONS.index("raindrops")]]
    counted = [plan for plan in alone if plan not in drops]

    def share(wanted) -> float:  # type: ignore[no-untyped-def]
        return sum(bool(wanted(plan)) for plan in counted) / len(counted)

    parts = {"clear": 44.5, "fog": 28, "rain": 18, "snow": 18, "night": 16}
    expected = {condition: part / sum(parts.values()) for condition, part in parts.items()}
    for condition, part in expected.items():
        index = CONDITIONS.index(condition)
        assert share(lambda plan, index=index: plan.severities()[index] > 0) == pytest.approx(part, abs=0.02)
    whole = sum(parts.values())
    assert share(lambda plan: plan.before and not plan.weathers and not plan.novel) == pytest.approx(
        26 / whole, abs=0.02
    )
    assert share(lambda plan: plan.novel) == pytest.approx(2.5 / whole, abs=0.01)
    assert share(lambda plan: plan.before and plan.weathers) == pytest.approx(0.3 * 80 / whole, abs=0.02)
    assert share(lambda plan: plan.weathers[:1] and plan.weathers[0].name == "wide_fog") == pytest.approx(
        14 / whole, abs=0.02
    )
    assert share(lambda plan: plan.weathers[:1] and plan.weathers[0].name == "snow_flakes") == pytest.approx(
        6 / whole, abs=0.012
    )
    assert len(drops) / len(plans) == pytest.approx(6 / 145.5, abs=0.01)
    assert 1 - len(alone) / len(plans) == pytest.approx(15 / 145.5, abs=0.015)


def test_severities_begin_near_nothing_and_two_weathers_are_milder() -> None:
    rng = np.random.default_rng(1)
    mixture = ConditionMixture({("wide_fog",): 1, ("wide_fog", "wide_rain"): 1})
    plans = [mixture.draw(rng) for _ in range(800)]
    single = [plan.weathers[0].severity for plan in plans if len(plan.weathers) == 1]
    double = [step.severity for plan in plans if len(plan.weathers) == 2 for step in plan.weathers]
    assert FROM_SEVERITY <= min(single) < 0.04 and 0.97 < max(single) <= 1
    assert FROM_SEVERITY <= min(double) < 0.04 and 0.75 < max(double) <= MIXED_TO_SEVERITY


def test_a_plan_names_its_conditions() -> None:
    both = Plan((), (Step("wide_rain", 0.7), Step("wide_night", 0.2)))
    assert both.severities() == pytest.approx([0, 0, 0.7, 0, 0.2, 0])
    assert Plan((Step("dusk", 0.9),), ()).severities() == pytest.approx([1, 0, 0, 0, 0, 0])
    assert Plan((), (Step("foggy_cityscapes", 3.0),)).severities() == pytest.approx([0, 1, 0, 0, 0, 0])
    assert set(CONDITION_OF) <= set(DEGRADATIONS) and set(CONDITION_OF.values()) == set(CONDITIONS[1:])


def test_near_misses_are_drawn_evenly_and_stay_clear() -> None:
    rng = np.random.default_rng(2)
    mixture = ConditionMixture({(NEAR_MISS,): 1, (OTHER_FRAME,): 1})
    plans = [mixture.draw(rng) for _ in range(400)]
    assert {step.name for plan in plans for step in plan.before} == {*NEAR_MISSES, *OTHER_FRAMES}
    assert all(plan.severities()[0] == 1 for plan in plans)
    misses = [[step.name for step in plan.before] for plan in plans if not plan.novel]
    assert {len(names) for names in misses} == set(range(1, MOST_NEAR_MISSES + 1))
    assert all(len(set(names)) == len(names) for names in misses), "each at most once"
    assert all(len(plan.before) == 1 for plan in plans if plan.novel)


def test_weather_comes_over_near_misses_as_often_as_asked_for() -> None:
    rng = np.random.default_rng(3)
    mixture = ConditionMixture({("fog",): 1, (): 1}, near_misses=0.4)
    plans = [mixture.draw(rng) for _ in range(2000)]
    foggy = [plan for plan in plans if plan.weathers]
    assert np.mean([bool(plan.before) for plan in foggy]) == pytest.approx(0.4, abs=0.05)
    assert not any(plan.before for plan in plans if not plan.weathers), "a clear frame is a near miss by its kind alone"


@pytest.mark.parametrize("shares", [{}, {("sunshine",): 1.0}, {("fog", "gaussian_blur"): 1.0}, {("fog",): 0.0}])
def test_a_mixture_of_conditions_that_cannot_be_drawn_is_refused(shares: dict[tuple[str, ...], float]) -> None:
    with pytest.raises(ValueError, match="mixture: needs positive shares"):
        ConditionMixture(shares)
