"""The judge scores a model's outputs and the original ones, over the whole set and per frame."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.judging.judge import Frame, judge

VOID = 255
CLASSES = 2


def frame(value: int, labels: int, size: tuple[int, int] = (32, 40)) -> Frame:
    """A clear frame of one grey value and one class, except for a void row, and its copy, 20 grey levels brighter."""
    clear = np.full((*size, 3), value, np.uint8)
    truth = np.full(size, labels, np.uint8)
    truth[0] = VOID
    return clear + np.uint8(20), clear, truth


def perceive(image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gives original masks of class 0 and refined ones of class 1, and removes half of the degradation."""
    zeros = torch.zeros(image_BHW3.shape[:3], dtype=torch.uint8)
    return zeros, zeros + 1, image_BHW3 - 10


def test_images_are_compared_frame_by_frame_and_masks_before_and_after() -> None:
    judged = judge(perceive, [frame(100, 1), frame(50, 1), frame(50, 0)], CLASSES, VOID)
    assert judged.frames == 3
    assert judged.psnr_degraded == pytest.approx([20 * math.log10(255 / 20)] * 3, abs=1e-3)
    assert judged.psnr_restored == pytest.approx([20 * math.log10(255 / 10)] * 3, abs=1e-3)
    assert all(after > before for before, after in zip(judged.ssim_degraded, judged.ssim_restored, strict=True))
    result = judged.result()
    assert result["psnr_restored"] == pytest.approx(20 * math.log10(255 / 10), abs=1e-3)
    assert result["original"]["set"]["pa"] == pytest.approx(1 / 3, abs=1e-4)
    assert result["refined"]["set"]["pa"] == pytest.approx(2 / 3, abs=1e-4)
    assert result["refined"]["set"]["miou"] == pytest.approx(1 / 3, abs=1e-4)


def test_every_image_has_the_same_weight_in_the_scores_per_image() -> None:
    judged = judge(perceive, [frame(100, 1, (64, 64)), frame(50, 0, (32, 32))], CLASSES, VOID)
    refined = judged.result()["refined"]
    assert refined["image"]["pa"] == 0.5
    assert refined["set"]["pa"] == pytest.approx(63 * 64 / (63 * 64 + 31 * 32), abs=1e-4)


def test_frames_without_labels_have_only_scores_of_images() -> None:
    result = judge(perceive, [frame(100, VOID)], CLASSES, VOID).result()
    assert result["psnr_restored"] > result["psnr_degraded"]
    assert "original" not in result and "refined" not in result


def test_no_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="no frames"):
        judge(perceive, [], CLASSES, VOID)


def test_every_level_is_also_scored_by_itself() -> None:
    frames = [frame(100, 1), frame(50, 0), frame(60, 1)]
    judged = judge(perceive, frames, CLASSES, VOID, ["weak", "strong", "weak"])
    levels = judged.result()["levels"]
    assert {name: found["frames"] for name, found in levels.items()} == {"weak": 2, "strong": 1}
    assert levels["weak"]["refined"]["set"]["pa"] == 1 and levels["strong"]["refined"]["set"]["pa"] == 0
    with pytest.raises(ValueError, match="3 frames, but the levels of 4"):
        judge(perceive, frames, CLASSES, VOID, ["weak"] * 4)


def test_the_released_scores_are_asked_for() -> None:
    assert "released" not in judge(perceive, [frame(100, 1)], CLASSES, VOID).result()
    released = judge(perceive, [frame(100, 1), frame(50, VOID)], CLASSES, VOID, released=True).result()["released"]
    assert released["refined"]["pa"] < 1  # the first row is void, which counts as a class
    assert released["ssim_restored"] > released["ssim_degraded"]
