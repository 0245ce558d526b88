"""Paper A's released scores and degradations, against values worked out by hand."""

import cv2
import numpy as np
import pytest
import torch

from training.data.degradations.arguments import Image
from training.data.degradations.released import (
    RELEASED,
    released_aberration,
    released_blur,
    released_multiplicative_noise,
    released_noise,
)
from training.judging.released import mask_scores, ssim_grey
from weather_perception.core.scores import psnr

DEPTH = np.ones((64, 96), np.float32)


def contrasty() -> Image:
    """Squares of every brightness from black to white."""
    values = np.random.default_rng(0).integers(0, 256, (16, 24, 3))
    return np.repeat(np.repeat(values, 4, axis=0), 4, axis=1).astype(np.uint8)


def test_ssim_is_on_grey_with_a_uniform_window_of_seven() -> None:
    ramp = np.zeros((7, 7, 3), np.uint8)
    ramp[3:] = 70
    steady, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean, variance = 70 * 4 / 7, np.var(ramp[..., 0].astype(float), ddof=1)
    found = ssim_grey(torch.from_numpy(ramp)[None], torch.full((1, 7, 7, 3), 30, dtype=torch.uint8))
    light = (2 * mean * 30 + steady) / (mean**2 + 30**2 + steady)
    assert found == pytest.approx(light * contrast / (variance + contrast), rel=1e-6)
    assert ssim_grey(torch.from_numpy(ramp)[None], torch.from_numpy(ramp)[None]) == 1
    with pytest.raises(ValueError, match="smaller than SSIM's window"):
        ssim_grey(torch.zeros(1, 6, 7, 3).byte(), torch.zeros(1, 6, 7, 3).byte())


def test_ious_are_summed_over_the_union_of_classes_and_divided_by_the_truths() -> None:
    truth, labels = torch.tensor([[0, 0, 0, 1, 1, 255]]), torch.tensor([[0, 0, 2, 1, 1, 1]])
    found = mask_scores(labels, truth)
    assert found["pa"] == pytest.approx(4 / 6)
    assert found["mpa"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["miou"] == pytest.approx((2 / 3 + 2 / 3) / 3)  # a fourth class, 2, costs nothing
    assert found["fwiou"] == pytest.approx((3 * 2 / 3 + 2 * 2 / 3) / 6)


def test_additive_noise_leaves_on_average_what_table_1_prints() -> None:
    clear = contrasty()
    found = [psnr(released_noise(clear, DEPTH, level, 1), clear) for level in (1, 2, 3, 4)]
    assert found[0] == pytest.approx(10 * np.log10(1 / 0.001), abs=1)
    assert np.mean(found) == pytest.approx(22.32, abs=0.5)


def test_aberration_moves_red_and_half_as_far_green() -> None:
    clear = np.full((64, 96, 3), 128, np.uint8)
    clear[:, 40:] = 20
    moved = released_aberration(clear, DEPTH, 4, 0)
    edges = [int(np.argmax(moved[32, :, channel] < 74)) for channel in range(3)]
    assert edges == [40 + 13, 40 + 6, 40]
    assert np.abs(moved[:, :6].astype(int) - 128).max() <= 2


def test_blur_ends_at_three_standard_deviations_and_pictures_are_stored_as_jpeg() -> None:
    clear = contrasty()[:, :, :1].repeat(3, axis=2)
    kernel = cv2.getGaussianKernel(15, 15 / 6)
    expected = cv2.sepFilter2D(clear, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    found = released_blur(clear, DEPTH, 2, 0)
    assert 0 < np.abs(found - expected).mean() < 3


@pytest.mark.parametrize("name", [*RELEASED, "multiplicative"])
def test_level_zero_is_the_frame_and_a_seed_repeats(name: str) -> None:
    degrade, clear = RELEASED.get(name, released_multiplicative_noise), contrasty()
    assert np.array_equal(degrade(clear, DEPTH, 0, 0), clear)
    assert np.array_equal(degrade(clear, DEPTH, 3, 7), degrade(clear, DEPTH, 3, 7))
    errors = [psnr(degrade(clear, DEPTH, level, 0), clear) for level in (1, 2, 3, 4)]
    assert errors == sorted(errors, reverse=True)
    with pytest.raises(ValueError, match="severity"):
        degrade(clear, DEPTH, 5, 0)
