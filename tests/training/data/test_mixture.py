"""Mixtures of degradations: the shares of the draws, and their strength."""

import numpy as np
import pytest

from training.data.degradations import DEGRADATIONS, LEVELS
from training.data.degradations.near_misses import NEAR_MISSES, OTHER_FRAMES
from training.data.mixture import (
    CONDITION_OF,
    CONDITIONS,
    DEFAULT_MIXTURE,
    FROM_SEVERITY,
    MIXED_TO_SEVERITY,
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

    parts = {"clear": 22.5, "fog": 28, "rain": 18, "snow": 18, "night": 16}
    expected = {condition: part / sum(parts.values()) for condition, part in parts.items()}
    for condition, part in expected.items():
        index = CONDITIONS.index(condition)
        assert share(lambda plan, index=index: plan.severities()[index] > 0) == pytest.approx(part, abs=0.02)
    for frames, part in ((NEAR_MISSES, 6.6), (OTHER_FRAMES, 2.5)):
        shown = share(lambda plan, frames=frames: plan.before is not None and plan.before.name in frames)
        assert shown == pytest.approx(part / 102.5, abs=0.01)
    assert share(lambda plan: plan.weathers[:1] and plan.weathers[0].name == "wide_fog") == pytest.approx(
        0.14, abs=0.02
    )
    assert share(lambda plan: plan.weathers[:1] and plan.weathers[0].name == "snow_flakes") == pytest.approx(
        0.06, abs=0.012
    )
    assert 0.03 < len(drops) / len(plans) < 0.08
    assert 0.05 < 1 - len(alone) / len(plans) < 0.1


def test_severities_begin_near_nothing_and_two_weathers_are_milder() -> None:
    rng = np.random.default_rng(1)
    mixture = ConditionMixture({("wide_fog",): 1, ("wide_fog", "wide_rain"): 1})
    plans = [mixture.draw(rng) for _ in range(800)]
    single = [plan.weathers[0].severity for plan in plans if len(plan.weathers) == 1]
    double = [step.severity for plan in plans if len(plan.weathers) == 2 for step in plan.weathers]
    assert FROM_SEVERITY <= min(single) < 0.04 and 0.97 < max(single) <= 1
    assert FROM_SEVERITY <= min(double) < 0.04 and 0.75 < max(double) <= MIXED_TO_SEVERITY


def test_a_plan_names_its_conditions() -> None:
    both = Plan(None, (Step("wide_rain", 0.7), Step("wide_night", 0.2)))
    assert both.severities() == pytest.approx([0, 0, 0.7, 0, 0.2, 0])
    assert Plan(Step("dusk", 0.9), ()).severities() == pytest.approx([1, 0, 0, 0, 0, 0])
    assert Plan(None, (Step("foggy_cityscapes", 3.0),)).severities() == pytest.approx([0, 1, 0, 0, 0, 0])
    assert set(CONDITION_OF) <= set(DEGRADATIONS) and set(CONDITION_OF.values()) == set(CONDITIONS[1:])


def test_near_misses_are_drawn_evenly_and_stay_clear() -> None:
    rng = np.random.default_rng(2)
    mixture = ConditionMixture({(NEAR_MISS,): 1, (OTHER_FRAME,): 1})
    plans = [mixture.draw(rng) for _ in range(400)]
    assert {plan.before.name for plan in plans if plan.before} == {*NEAR_MISSES, *OTHER_FRAMES}
    assert all(plan.severities()[0] == 1 for plan in plans)


@pytest.mark.parametrize("shares", [{}, {("sunshine",): 1.0}, {("fog", "gaussian_blur"): 1.0}, {("fog",): 0.0}])
def test_a_mixture_of_conditions_that_cannot_be_drawn_is_refused(shares: dict[tuple[str, ...], float]) -> None:
    with pytest.raises(ValueError, match="mixture: needs positive shares"):
        ConditionMixture(shares)
