"""WeatherBench's scores, on luma and without a border, against hand-computed values."""

import math

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.judging.metrics import luma, psnr_luma, ssim_luma
from weather_perception.core.scores import psnr, ssim


def flat(*colour: int) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.uint8).expand(1, 24, 28, 3).contiguous()


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), 16.0),
        ((255, 255, 255), 235.0),
        ((255, 0, 0), 81.481),
        ((0, 255, 0), 144.553),
        ((0, 0, 255), 40.966),
        ((100, 150, 200), 16 + (100 * 65.481 + 150 * 128.553 + 200 * 24.966) / 255),
    ],
)
def test_luma_is_bt601s_in_studio_range(colour: tuple[int, int, int], expected: float) -> None:
    found = luma(flat(*colour))
    assert found.shape == (1, 24, 28, 1)
    assert found[0, 5, 7, 0].item() == pytest.approx(expected, abs=1e-9)


def test_grey_errors_shrink_by_219_of_255_and_the_peak_stays_255() -> None:
    image, clear = flat(110, 110, 110), flat(100, 100, 100)
    assert psnr(image, clear) == pytest.approx(20 * math.log10(255 / 10), abs=1e-3)
    assert psnr_luma(image, clear) == pytest.approx(20 * math.log10(255 / (10 * 219 / 255)), abs=1e-5)


def test_an_error_of_colour_only_has_no_cost() -> None:
    """The weight of blue is a fifth of that of green, so 103 levels of blue and 20 of green nearly cancel."""
    image, clear = flat(100, 120, 20), flat(100, 100, 123)
    assert psnr(image, clear) < 15
    assert psnr_luma(image, clear) > 60 - 1e-6
    assert ssim_luma(image, clear) > 0.999


def test_the_border_does_not_count() -> None:
    clear = torch.randint(0, 256, (1, 40, 44, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    image = clear.clone()
    image[:, :4], image[:, -4:], image[:, :, :4], image[:, :, -4:] = 0, 0, 0, 0
    assert psnr_luma(image, clear) == 100
    assert ssim_luma(image, clear) == pytest.approx(1, abs=1e-9)
    assert psnr_luma(image, clear, border=3) < 100
    image[:, 4, 4] = 255 - clear[:, 4, 4]
    assert psnr_luma(image, clear) < 100


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    image, clear = flat(200, 200, 200), flat(100, 100, 100)
    a, b, c = 16 + 200 * 219 / 255, 16 + 100 * 219 / 255, (0.01 * 255) ** 2
    assert ssim_luma(image, clear) == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-6)


def test_ssim_is_the_mean_over_whole_windows_of_eleven() -> None:
    """The definition, applied to all windows inside the cropped image."""
    rng = np.random.default_rng(0)
    clear = cv2.GaussianBlur(rng.integers(0, 256, (40, 36, 3)).astype(np.uint8), (0, 0), 2)
    image = np.clip(clear * 0.8 + rng.normal(20, 6, clear.shape), 0, 255).astype(np.uint8)
    x, y = (luma(torch.from_numpy(a)[None])[0, 4:-4, 4:-4, 0].numpy() for a in (image, clear))
    found = ssim_luma(torch.from_numpy(image)[None], torch.from_numpy(clear)[None])
    assert found == pytest.approx(windowed_ssim(x, y), abs=1e-6)
    assert ssim(torch.from_numpy(image)[None], torch.from_numpy(clear)[None]) != pytest.approx(found, abs=1e-3)


def windowed_ssim(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for row in range(x.shape[0] - 10):
        for column in range(x.shape[1] - 10):
            a, b = (z[row : row + 11, column : column + 11] for z in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return float(np.mean(values))


def test_a_border_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="12 pixels at each edge of an image of 24x28 leave less than 1x1"):
        psnr_luma(flat(1, 2, 3), flat(1, 2, 3), border=12)
    with pytest.raises(ValueError, match="7 pixels at each edge of an image of 24x28 leave less than 11x11"):
        ssim_luma(flat(1, 2, 3), flat(1, 2, 3), border=7)
