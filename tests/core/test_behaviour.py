"""The settings change an answer as documented, and claim nothing that the model did not say."""

import numpy as np
import pytest

from tests.support.tiny import tiny_manifest
from weather_perception.core.behaviour import WeatherHold, apply, entropy, novelty, unchanged
from weather_perception.core.config import NodeConfig
from weather_perception.core.pipeline import Perception

FRAME = np.full((2, 3, 3), 7, np.uint8)


def perception(weather: dict[str, float], confidence: int = 200, **gates: float) -> Perception:
    return Perception(
        restored_HW3=np.full((2, 3, 3), 9, np.uint8),
        labels_HW=np.ones((2, 3), np.uint8),
        confidence_HW=np.full((2, 3), confidence, np.uint8),
        weather=weather,
        gates=gates,
        inference_seconds=0.0,
    )


@pytest.mark.parametrize(("clear", "expected"), [(0.94, 9), (0.95, 7), (1.0, 7)])
def test_a_clear_frame_comes_back_unchanged(clear: float, expected: int) -> None:
    answer = apply(perception({"clear": clear, "fog": 1 - clear}), FRAME, NodeConfig(bypass_clear=0.95))
    assert (answer.restored_HW3 == expected).all()
    assert (answer.labels_HW == 1).all()


@pytest.mark.parametrize(("confidence", "expected"), [(127, 255), (128, 1)])
def test_pixels_below_the_floor_are_unknown(confidence: int, expected: int) -> None:
    answer = apply(perception({"fog": 1.0}, confidence), FRAME, NodeConfig(min_confidence=0.5))
    assert (answer.labels_HW == expected).all()


def test_by_default_nothing_changes() -> None:
    given = perception({"clear": 1.0}, confidence=0)
    assert apply(given, FRAME, NodeConfig()) is given


def test_the_answer_without_a_model_claims_nothing() -> None:
    answer = unchanged(FRAME, tiny_manifest())
    assert (answer.restored_HW3 == FRAME).all()
    assert (answer.dominant_weather, set(answer.weather.values()), set(answer.gates.values())) == ("unknown", {0}, {0})
    assert not answer.confidence_HW.any()


def test_another_weather_takes_over_by_the_margin_only() -> None:
    hold = WeatherHold()
    said = [hold.update(perception({"fog": fog, "rain": 1 - fog}), 0.2) for fog in (0.7, 0.45, 0.41, 0.39, 0.55, 0.7)]
    assert said == ["fog", "fog", "fog", "rain", "rain", "fog"]
    assert [hold.update(perception({"fog": fog, "rain": 1 - fog}), 0.0) for fog in (0.3, 0.5)] == ["rain", "rain"]


def test_entropy_is_of_the_probabilities_and_novelty_the_model_s_own() -> None:
    assert entropy(perception({"clear": 1.0, "fog": 0.0})) == 0
    assert entropy(perception({"clear": 0.5, "fog": 0.5})) == pytest.approx(1)
    assert entropy(unchanged(FRAME, tiny_manifest())) == 1
    assert novelty(perception({"fog": 1.0})) is None
    assert novelty(perception({"fog": 1.0}, novelty=0.3)) == 0.3
