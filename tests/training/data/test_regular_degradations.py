"""Paper A's regular degradations against their plain formulas, at every severity."""

import io

import numpy as np
import pytest
from PIL import Image

from training.data.degradations import chromatic_aberration, gaussian_blur, gaussian_noise, jpeg

LEVELS = (1, 2, 3, 4)


def frame(height: int = 96, width: int = 128) -> np.ndarray:
    """Steps and texture."""
    rng = np.random.default_rng(3)
    image_HW3 = rng.normal(90, 25, (height, width, 3))
    image_HW3[:, width // 2 :] += 100
    image_HW3[height // 3 :, :, 0] -= 60
    return np.clip(image_HW3, 0, 255).astype(np.uint8)


def flat_depth(image_HW3: np.ndarray) -> np.ndarray:
    return np.full(image_HW3.shape[:2], 20, np.float32)


def convolved(plane_HW: np.ndarray, sigma: float) -> np.ndarray:
    """The Gaussian exp(-x^2 / 2 sigma^2) out to five standard deviations, mirrored about the outermost pixels."""
    reach = int(5 * sigma) + 1
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    for _ in range(2):
        plane_HW = np.pad(plane_HW, ((reach, reach), (0, 0)), mode="reflect")
        plane_HW = np.apply_along_axis(np.convolve, 0, plane_HW, weights, mode="valid").T
    return plane_HW


@pytest.mark.parametrize(("severity", "sigma"), list(zip(LEVELS, (1.2, 2.5, 6.5, 15.2), strict=True)))
def test_blur_is_a_gaussian_of_the_papers_width(severity: int, sigma: float) -> None:
    image_HW3 = frame()
    blurred_HW3 = gaussian_blur(image_HW3, flat_depth(image_HW3), severity, 0)
    reference_HW3 = np.stack([convolved(image_HW3[:, :, channel].astype(float), sigma) for channel in range(3)], axis=2)
    error_HW3 = np.abs(blurred_HW3 - reference_HW3)
    assert error_HW3.max() < 1.3
    assert error_HW3.mean() < 0.4


@pytest.mark.parametrize(("severity", "variance"), list(zip(LEVELS, (0.05, 0.09, 0.13, 0.2), strict=True)))
def test_noise_is_normal_of_the_papers_variance_before_clipping(severity: int, variance: float) -> None:
    image_HW3 = np.full((300, 400, 3), 128, np.uint8)
    noisy_HW3 = gaussian_noise(image_HW3, flat_depth(image_HW3), severity, 11) / 255
    low, middle, high = np.quantile(noisy_HW3, (0.158655, 0.5, 0.841345))
    assert ((high - low) / 2) ** 2 == pytest.approx(variance, rel=0.02)
    assert middle == pytest.approx(128 / 255, abs=0.003)
    beyond_white = (noisy_HW3 == 1).mean()
    expected = (np.random.default_rng(0).normal(128 / 255, np.sqrt(variance), 10**6) > 254.5 / 255).mean()
    assert beyond_white == pytest.approx(expected, abs=0.003)


def test_noise_is_independent_between_colours_and_only_its_scale_changes_with_severity() -> None:
    image_HW3 = np.full((200, 200, 3), 128, np.uint8)
    weak_HW3, strong_HW3 = (gaussian_noise(image_HW3, flat_depth(image_HW3), s, 5).astype(float) - 128 for s in (1, 2))
    assert np.abs(np.corrcoef(weak_HW3.reshape(-1, 3).T) - np.eye(3)).max() < 0.02
    inside = (np.abs(strong_HW3) < 120) & (np.abs(weak_HW3) > 20)
    assert np.abs(strong_HW3[inside] / weak_HW3[inside] - np.sqrt(0.09 / 0.05)).max() < 0.06


@pytest.mark.parametrize(("severity", "quality"), list(zip(LEVELS, (43, 12, 7, 4), strict=True)))
def test_jpeg_equals_another_encoder_at_the_papers_quality(severity: int, quality: int) -> None:
    image_HW3 = frame()
    result_HW3 = jpeg(image_HW3, flat_depth(image_HW3), severity, 0).astype(int)

    def coded(quality: int) -> np.ndarray:
        memory = io.BytesIO()
        Image.fromarray(image_HW3).save(memory, "jpeg", quality=quality)
        return np.asarray(Image.open(memory)).astype(int)

    difference = {q: np.abs(result_HW3 - coded(q)).mean() for q in (quality - 1, quality, quality + 1)}
    assert difference[quality] < 0.5
    assert min(difference, key=difference.__getitem__) == quality


@pytest.mark.parametrize(
    ("severity", "red", "blue"), [(1, 2, 1), (2, 6, 3), (3, 10, 5), (4, 14, 7)], ids=["1", "2", "3", "4"]
)
def test_aberration_shifts_red_and_blue_by_the_papers_pixels(severity: int, red: int, blue: int) -> None:
    image_HW3 = frame()
    result_HW3 = chromatic_aberration(image_HW3, flat_depth(image_HW3), severity, 0)
    assert np.array_equal(result_HW3[:, :, 1], image_HW3[:, :, 1])
    for channel, shift in ((0, red), (2, blue)):
        assert np.array_equal(result_HW3[:, shift:, channel], image_HW3[:, :-shift, channel])
        assert (result_HW3[:, :shift, channel] == image_HW3[:, :1, channel]).all()
