"""Scores by weather are means over frames of the scores in core, masks pooled over pixels."""

import numpy as np
import pytest

from weather_perception.core.scores import confusion, psnr, ssim
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.metrics import cells
from weather_perception.replay.scores import ImageScores, LabelNames, WeatherScores, pooled

ANY = LabelNames(("road", "sky"))


def image_scores(given: np.ndarray, restored: np.ndarray, clear: np.ndarray) -> ImageScores:
    return ImageScores(psnr(given, clear), psnr(restored, clear), ssim(given, clear), ssim(restored, clear))


def test_image_scores_are_means_over_frames() -> None:
    random = np.random.default_rng(0)
    clear, restored, given = (random.integers(0, 256, (3, 48, 64, 3), np.uint8) for _ in range(3))
    scores = WeatherScores(images=list(map(image_scores, given, restored, clear)))
    found = scores.as_dict(ANY)
    for name, images in {"input": given, "restored": restored}.items():
        assert found[f"psnr_{name}"] == pytest.approx(np.mean(list(map(psnr, images, clear))), abs=1e-3)
        assert found[f"ssim_{name}"] == pytest.approx(np.mean(list(map(ssim, images, clear))), abs=1e-4)


def test_frames_identical_to_the_truth_are_counted_apart() -> None:
    clear = np.full((32, 32, 3), 100, np.uint8)
    changed = clear + np.uint8(10)
    scores = WeatherScores(2, images=[image_scores(clear, clear, clear), image_scores(clear, changed, clear)])
    found = scores.as_dict(ANY)
    assert (found["psnr_input"], found["identical"], found["identical_input"]) == (100, 1, 2)
    assert found["psnr_restored"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    assert cells(found)[:2] == ["identical", "identical in 1 of 2, else 28.1"]


def test_pooled_iou_counts_pixels_not_weathers() -> None:
    right, wrong = np.zeros((1, 30), np.uint8), np.ones((1, 10), np.uint8)
    truth = np.zeros((1, 30), np.uint8)
    scores = [
        WeatherScores(refined_CC=confusion(right, truth, 2, 255)),
        WeatherScores(refined_CC=confusion(wrong, truth[:, :10], 2, 255)),
    ]
    found = pooled(scores).as_dict(ANY)
    assert found["miou_refined"] == pytest.approx((30 / 40 + 0) / 2)
    assert found["iou_refined"] == {"road": 0.75, "sky": 0.0}
    assert (found["miou_base"], found["iou_base"]) == (None, {})


def test_labels_are_matched_by_name_whatever_the_case() -> None:
    names = LabelNames(("road", "sky"), ("Sky", "lamp", "ROAD"))
    assert names.lookup[:4].tolist() == [1, 255, 0, 255]
    assert LabelNames(("road", "sky")).lookup[:3].tolist() == [0, 1, 255]


def test_a_class_that_the_truth_cannot_have_does_not_count() -> None:
    truth, predicted = np.array([[0, 0, 0, 1]], np.uint8), np.array([[0, 0, 2, 1]], np.uint8)
    counts = confusion(predicted, truth, 3, 255)
    model = ("road", "sky", "pole")
    found = WeatherScores(refined_CC=counts).as_dict(LabelNames(model, ("road", "sky", "void")))
    assert found["miou_refined"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["iou_refined"] == {"road": pytest.approx(2 / 3), "sky": 1.0, "pole": None}
    assert WeatherScores(refined_CC=counts).as_dict(LabelNames(model))["miou_refined"] == pytest.approx((2 / 3 + 1) / 3)


def test_a_class_that_the_model_lacks_is_an_error_that_names_the_models() -> None:
    LabelNames(("road", "sky"), ("Road", "void", "", "unlabeled", "SKY")).check()
    with pytest.raises(ReplayError, match=r"lamp, tram.*road, sky.*void"):
        LabelNames(("road", "sky"), ("lamp", "sky", "tram")).check()


def test_accuracy_is_unknown_without_truth() -> None:
    scores = WeatherScores(frames=3)
    assert scores.as_dict(ANY)["weather_accuracy"] is None
    scores.add_weather(right=True)
    scores.add_weather(right=False)
    assert scores.as_dict(ANY)["weather_accuracy"] == 0.5
