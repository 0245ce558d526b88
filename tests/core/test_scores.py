"""Scores agree with torchmetrics and with cases worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from weather_perception.core.scores import (
    class_iou,
    confusion,
    in_words,
    mean_iou,
    psnr,
    ssim,
    summarise_psnr,
)

VOID = 255


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8)


def test_psnr_by_hand() -> None:
    clear = np.full((32, 32, 3), 100, np.uint8)
    assert psnr(clear + np.uint8(10), clear) == pytest.approx(20 * math.log10(255 / 10), abs=1e-3)
    assert (psnr(clear, clear), ssim(clear, clear)) == (100.0, 1.0)


def test_only_identical_images_reach_the_ceiling() -> None:
    clear = np.zeros((1080, 1920, 3), np.uint8)
    almost = clear.copy()
    almost[0, 0, 0] = 1  # 116 dB
    assert psnr(almost, clear) == 99.99 < psnr(clear, clear)


def test_image_scores_are_torchmetrics_of_arrays_and_tensors_alike() -> None:
    given, clear = image(1), image(2)
    tensors = [torch.from_numpy(array)[None] for array in (given, clear)]
    planes = [tensor.permute(0, 3, 1, 2).float() / 255 for tensor in tensors]
    assert psnr(given, clear) == psnr(*tensors)
    assert ssim(given, clear) == ssim(*tensors)
    assert psnr(given, clear) == pytest.approx(float(peak_signal_noise_ratio(*planes, data_range=1.0)), abs=1e-3)
    expected = structural_similarity_index_measure(*planes, data_range=1.0)
    assert ssim(given, clear) == pytest.approx(float(expected), abs=1e-4)
    assert ssim(255 - clear, clear) < 0.5


def test_ssim_by_hand() -> None:
    black = np.zeros((32, 32, 3), np.uint8)
    steadying = (0.01 * 255) ** 2
    assert ssim(black + np.uint8(10), black) == pytest.approx(steadying / (10**2 + steadying), rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_torchmetrics_of_smooth_flat_and_noisy_parts(channels: int) -> None:
    random = np.random.default_rng(3)
    clear = np.zeros((2, 40, 50, channels), np.uint8)
    clear[:, :, 10:30] = np.linspace(0, 255, 20)[:, None].astype(np.uint8)
    clear[:, :, 30:] = random.integers(0, 256, (2, 40, 20, channels))
    given = np.clip(clear + random.normal(0, 4, clear.shape), 0, 255).astype(np.uint8)
    planes = [torch.from_numpy(array).permute(0, 3, 1, 2).double() for array in (given, clear)]
    mean, map_BCHW = structural_similarity_index_measure(*planes, data_range=255.0, return_full_image=True)
    assert ssim(given, clear) == pytest.approx(float(mean), abs=5e-6)
    assert ssim(given, clear, whole_windows=True) == pytest.approx(float(map_BCHW[..., 5:-5, 5:-5].mean()), abs=5e-6)


def test_images_that_are_views_with_any_strides_are_compared() -> None:
    given, clear = image(1), image(2)
    clear.flags.writeable = False
    assert psnr(given[:, :, ::-1], clear) == psnr(given[:, :, ::-1].copy(), clear.copy())
    assert ssim(given[::-1], clear) == ssim(given[::-1].copy(), clear.copy())


def test_identical_frames_have_no_part_in_a_mean_psnr() -> None:
    some = summarise_psnr([30.0, 100.0, 40.0, 100.0])
    assert (some.identical, some.db) == (2, 35.0)
    assert in_words(4, some.identical, some.db) == "identical in 2 of 4, else 35.00"
    every = summarise_psnr([100.0, 100.0])
    assert (every.identical, every.db) == (2, 100.0)
    assert in_words(2, every.identical, every.db) == "identical"
    assert in_words(4, 0, 35.0, ".1f") == "35.0"


def test_iou_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1, VOID]], np.uint8)
    predicted = np.array([[0, 1, 1, 1, 0]], np.uint8)
    counts = confusion(predicted, truth, 3, VOID)
    # class 0: 1 of 2; class 1: 2 of 3; class 2 is in neither, void is not counted
    assert class_iou(counts).tolist() == pytest.approx([1 / 2, 2 / 3, math.nan], nan_ok=True)
    assert mean_iou(counts) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert mean_iou(None) is None and mean_iou(torch.zeros(3, 4)) is None


def test_iou_agrees_with_torchmetrics_over_several_frames() -> None:
    random = np.random.default_rng(1)
    metric = MulticlassJaccardIndex(num_classes=5, ignore_index=VOID)
    total = torch.zeros(5, 6, dtype=torch.int64)
    for _ in range(4):
        predicted, truth = (random.integers(0, 4, (20, 30), np.uint8) for _ in range(2))
        truth[random.random(truth.shape) < 0.1] = VOID
        metric.update(*(torch.from_numpy(labels.astype(np.int64)) for labels in (predicted, truth)))
        total += confusion(predicted, truth, 5, VOID)
    assert mean_iou(total) == pytest.approx(float(metric.compute()), abs=1e-6)


def test_a_prediction_that_is_no_class_is_a_mistake_and_a_true_id_that_is_none_an_error() -> None:
    truth = np.zeros((1, 4), np.uint8)
    strange = np.array([[0, 0, 0, 7]], np.uint8)
    assert mean_iou(confusion(strange, truth, 2, VOID)) == pytest.approx(3 / 4)
    with pytest.raises(ValueError, match="below 2, or 255 for void; found 7"):
        confusion(truth, strange, 2, VOID)
