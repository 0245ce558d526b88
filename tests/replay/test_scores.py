"""Scores agree with torchmetrics and with cases worked out by hand."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from weather_perception.replay.scores import (
    WeatherScores,
    accuracy,
    added,
    compare_images,
    confusion,
    label_lookup,
    mean_iou,
    pooled_iou,
)


def test_image_scores_are_torchmetrics_means_over_frames() -> None:
    random = np.random.default_rng(0)
    clear, restored, given = (random.integers(0, 256, (3, 48, 64, 3), np.uint8) for _ in range(3))
    scores = WeatherScores()
    for index in range(3):
        scores.add_image(given[index], restored[index], clear[index])
    psnr, ssim = PeakSignalNoiseRatio(data_range=1.0), StructuralSimilarityIndexMeasure(data_range=1.0)

    def batches(images: np.ndarray) -> list[torch.Tensor]:
        return list((torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).split(1))

    def mean(metric: torch.nn.Module, images: np.ndarray) -> float:
        pairs = zip(batches(images), batches(clear), strict=True)
        return float(np.mean([float(metric(*pair)) for pair in pairs]))

    found = scores.as_dict()
    assert found["psnr_input"] == pytest.approx(mean(psnr, given), abs=1e-3)
    assert found["psnr_restored"] == pytest.approx(mean(psnr, restored), abs=1e-3)
    assert found["ssim_input"] == pytest.approx(mean(ssim, given), abs=1e-4)
    assert found["ssim_restored"] == pytest.approx(mean(ssim, restored), abs=1e-4)


def test_psnr_by_hand() -> None:
    clear = np.full((32, 32, 3), 100, np.uint8)
    assert compare_images(clear + np.uint8(10), clear)[0] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    assert compare_images(clear, clear) == (100.0, 1.0)


def test_images_that_are_views_with_any_strides_are_compared() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    image.flags.writeable = False
    assert compare_images(image[:, :, ::-1], image) == compare_images(image[:, :, ::-1].copy(), image.copy())


def test_iou_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1, 255]], np.uint8)
    predicted = np.array([[0, 1, 1, 1, 0]], np.uint8)
    # class 0: 1 of 2; class 1: 2 of 3; class 2 is in neither, void is not counted
    assert mean_iou(confusion(predicted, truth, 3)) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_iou_agrees_with_torchmetrics_over_several_frames() -> None:
    random = np.random.default_rng(1)
    metric = MulticlassJaccardIndex(num_classes=5, ignore_index=255)
    total = None
    for _ in range(4):
        predicted, truth = (random.integers(0, 4, (20, 30), np.uint8) for _ in range(2))
        truth[random.random(truth.shape) < 0.1] = 255
        metric.update(*(torch.from_numpy(labels.astype(np.int64)) for labels in (predicted, truth)))
        total = added(total, confusion(predicted, truth, 5))
    assert mean_iou(total) == pytest.approx(float(metric.compute()), abs=1e-6)


def test_a_prediction_that_is_no_class_is_a_mistake() -> None:
    truth = np.zeros((1, 4), np.uint8)
    assert mean_iou(confusion(np.array([[0, 0, 0, 255]], np.uint8), truth, 2)) == pytest.approx(3 / 4)


def test_pooled_iou_counts_pixels_not_weathers() -> None:
    right, wrong = np.zeros((1, 30), np.uint8), np.ones((1, 10), np.uint8)
    truth = np.zeros((1, 30), np.uint8)
    scores = {"fog": WeatherScores(refined_CC=confusion(right, truth, 2))}
    scores["rain"] = WeatherScores(refined_CC=confusion(wrong, truth[:, :10], 2))
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
