"""Scores of restored frames; identical ones are counted apart, and clear ones have no part in a mean over weathers."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from training.judging.judge import Frame
from training.reproduce.scores import (
    averages,
    degraded_mean,
    psnr_in_words,
    score,
    score_clear,
    unchanged,
    unreferenced_table,
)

CLEAR_HW3 = np.full((24, 32, 3), 100, np.uint8)
LABELS = np.zeros((24, 32), np.uint8)


def frames(*differences: int) -> Iterator[Frame]:
    """Frames that differ from the clear one by so much."""
    for difference in differences:
        yield (CLEAR_HW3 + difference).astype(np.uint8), CLEAR_HW3, LABELS


def test_identical_frames_are_counted_and_have_no_part_in_a_mean_psnr() -> None:
    mixed, others = score(unchanged, frames(0, 10, 0, 20)), score(unchanged, frames(10, 20))
    assert (mixed["frames"], mixed["identical"], others["identical"]) == (4, 2, 0)
    assert mixed["psnr"] == others["psnr"] < 30 and mixed["psnr_y"] == others["psnr_y"]
    assert mixed["ssim"] > others["ssim"]


def test_frames_that_are_all_identical_have_the_psnr_of_no_error() -> None:
    found = score(unchanged, frames(0, 0))
    assert found["identical"] == found["frames"] == 2 and found["psnr"] >= 60 and found["ssim"] == 1


def test_a_restored_frame_is_compared_not_the_degraded_one() -> None:
    assert score(lambda image: torch.full_like(image, 100), frames(10))["identical"] == 1
    with pytest.raises(ValueError, match="no frames"):
        score(unchanged, frames())


def test_without_a_clear_frame_the_restored_one_is_measured_beside_both_others() -> None:
    chance = np.random.default_rng(0)
    clear_HW3 = chance.integers(30, 220, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    foggy_HW3 = (0.05 * clear_HW3 + 0.95 * 200).astype(np.uint8)
    pair = [(foggy_HW3, clear_HW3, np.zeros((48, 64), np.uint8))]
    before, after = score(unchanged, pair), score(lambda _: torch.from_numpy(clear_HW3)[None], pair)
    clear = score_clear(pair)
    assert before["edges"] < 0.2 * after["edges"] and {name: after[name] for name in clear} == clear
    found = unreferenced_table({"fog": before}, [{"fog": after}] * 2, {"fog": clear})
    edges = f"{100 * before['edges']:.1f} -> {100 * after['edges']:.1f} ± 0.0 ({100 * clear['edges']:.1f})"
    assert edges in found and "not the paper's metrics" in found


def test_identical_frames_in_words() -> None:
    some = {"frames": 12, "identical": 2, "psnr": 35.0}
    none = {"frames": 12, "identical": 0, "psnr": 37.0}
    every = {"frames": 12, "identical": 12, "psnr": 60.0}
    assert psnr_in_words([none]) == "37.00"
    assert psnr_in_words([some]) == "identical in 2 of 12, else 35.00"
    assert psnr_in_words([some, none]) == "identical in 2 of 24, else 36.00 ± 1.41"
    assert psnr_in_words([some, every]) == "identical in 14 of 24, else 35.00"
    assert psnr_in_words([every, every]) == "identical"


def test_clear_frames_have_no_part_in_a_mean_over_weathers() -> None:
    weathers = {"clear": {"psnr": 60.0}, "fog": {"psnr": 20.0}, "rain": {"psnr": 24.0}}
    assert degraded_mean(weathers, "psnr") == 22
    assert averages({"trainings": {"row": {"0": {"weathers": weathers}}}}, "row", "psnr") == [22]
