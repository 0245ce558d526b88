"""Scores by weather are means over frames of the scores in core, masks pooled over pixels."""

import numpy as np
import pytest

from weather_perception.core.scores import confusion, psnr, ssim
from weather_perception.replay.metrics import cells
from weather_perception.replay.scores import (
    WeatherScores,
    accuracy,
    label_lookup,
    pooled_iou,
)


def test_image_scores_are_means_over_frames() -> None:
    random = np.random.default_rng(0)
    clear, restored, given = (random.integers(0, 256, (3, 48, 64, 3), np.uint8) for _ in range(3))
    scores = WeatherScores()
    for index in range(3):
        scores.add_image(given[index], restored[index], clear[index])
    found = scores.as_dict()
    for name, images in {"input": given, "restored": restored}.items():
        assert found[f"psnr_{name}"] == pytest.approx(np.mean(list(map(psnr, images, clear))), abs=1e-3)
        assert found[f"ssim_{name}"] == pytest.approx(np.mean(list(map(ssim, images, clear))), abs=1e-4)


def test_frames_identical_to_the_truth_are_counted_apart() -> None:
    clear = np.full((32, 32, 3), 100, np.uint8)
    scores = WeatherScores()
    scores.add_image(clear, clear, clear)
    scores.add_image(clear, clear + np.uint8(10), clear)
    found = scores.as_dict()
    assert (found["psnr_input"], found["identical"]) == (100, 1)
    assert found["psnr_restored"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    cell = cells(found | {"frames": 2})[1]
    assert cell == "identical in 1 of 2, else 28.1"


def test_pooled_iou_counts_pixels_not_weathers() -> None:
    right, wrong = np.zeros((1, 30), np.uint8), np.ones((1, 10), np.uint8)
    truth = np.zeros((1, 30), np.uint8)
    scores = {"fog": WeatherScores(refined_CC=confusion(right, truth, 2, 255))}
    scores["rain"] = WeatherScores(refined_CC=confusion(wrong, truth[:, :10], 2, 255))
    assert pooled_iou(scores, "refined_CC") == pytest.approx((30 / 40 + 0) / 2)
    assert pooled_iou(scores, "base_CC") is None


def test_labels_are_matched_by_name() -> None:
    lookup = label_lookup(("sky", "lamp", "road"), ("road", "sky"))
    assert lookup[:4].tolist() == [1, 255, 0, 255]
    assert label_lookup(None, ("road", "sky"))[:3].tolist() == [0, 1, 255]


def test_accuracy_is_unknown_without_truth() -> None:
    scores = WeatherScores(frames=3)
    assert accuracy([scores]) is None
    scores.add_weather(right=True)
    scores.add_weather(right=False)
    assert accuracy([scores]) == 0.5
