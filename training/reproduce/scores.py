"""Scores of restored frames, in RGB and on luma as WeatherBench scores, and comparisons of trainings by them.

Frames that equal their clear ones are counted apart, and a mean over weathers is over the degraded ones: a frame that
needs nothing says how little a network harms, and its PSNR would outweigh those of the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import torch
from scipy import stats
from torch import Tensor, nn

from training.judging.judge import Frame
from training.judging.metrics import psnr_luma, ssim_luma
from training.models.deploy import STRIDE, Restored, finish, prepare
from training.reproduce.results import Result, with_error
from weather_perception.core.scores import psnr, ssim

MEASURES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "psnr_y": psnr_luma,
    "ssim_y": ssim_luma,
    "psnr": psnr,
    "ssim": ssim,
}
"""On luma inside a border of four pixels, as the benchmark of paper B's Table 1 scores; and in RGB. PSNR in dB."""

CLEAR = "clear"

Restore = Callable[[Tensor], Tensor]
"""uint8 [B, H, W, 3] to the same."""


def score(restore: Restore, frames: Iterable[Frame]) -> dict[str, float]:
    """The number of `frames` and of those `identical` to their clear ones, and the mean of each of MEASURES.

    Identical frames have no part in a mean PSNR unless all frames are. Raises ValueError if there are no frames.
    """
    found: list[dict[str, float]] = []
    different: list[dict[str, float]] = []
    for degraded_HW3, clear_HW3, _ in frames:
        degraded, clear = (torch.from_numpy(plane.copy())[None] for plane in (degraded_HW3, clear_HW3))
        restored = restore(degraded)
        found.append({name: measure(restored, clear) for name, measure in MEASURES.items()})
        if not torch.equal(restored, clear):
            different.append(found[-1])
    if not found:
        raise ValueError("score: there are no frames; give at least one")
    counted = {name: (different or found) if name.startswith("psnr") else found for name in MEASURES}
    means = {name: round(fmean(image[name] for image in images), 4) for name, images in counted.items()}
    return {"frames": len(found), "identical": len(found) - len(different)} | means


def unchanged(image_BHW3: Tensor) -> Tensor:
    """A frame without restoration."""
    return image_BHW3


class JudgedRestorer:
    """A restorer (image [B, 3, H, W], 0..1 -> Restored) as `score` calls it; remembers the mean of its gates."""

    def __init__(self, restorer: nn.Module, stride: int, gate_names: Sequence[str]) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._restorer = restorer.eval().to(self._device)
        self._stride, self._names = max(STRIDE, stride), gate_names
        self._gates: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, image_BHW3: Tensor) -> Tensor:
        image, size = prepare(image_BHW3.to(self._device), self._stride)
        found: Restored = self._restorer(image)
        self._gates.append(found.gates_BG.cpu())
        return finish(found.image_B3HW, size).cpu()

    def gates(self) -> dict[str, float]:
        """The mean of every gate over the frames so far, by its name."""
        mean_G = torch.cat(self._gates).mean(dim=0)
        return {name: round(value, 4) for name, value in zip(self._names, mean_G.tolist(), strict=True)}


def degraded_mean(weathers: Mapping[str, Mapping[str, float]], measure: str) -> float:
    """The mean over the degraded weathers, each counting the same."""
    return fmean(scores[measure] for weather, scores in weathers.items() if weather != CLEAR)


def seeds(result: Result, training: str) -> list[dict[str, Any]]:
    """The scores of a training, seed by seed."""
    return list(result["trainings"][training].values())


def averages(result: Result, training: str, measure: str) -> list[float]:
    """A training's mean over the degraded weathers, seed by seed."""
    return [degraded_mean(scores["weathers"], measure) for scores in seeds(result, training)]


def psnr_in_words(scores: Sequence[Mapping[str, float]], measure: str = "psnr", form: str = ".2f") -> str:
    """PSNR of frames with one or several seeds, in dB; those identical to the clear ones are counted apart.

    As in `35.00 ± 1.46`, `identical`, or `identical in 2 of 24, else 35.00 ± 1.46`.
    """
    frames, identical = (int(sum(one[key] for one in scores)) for key in ("frames", "identical"))
    if identical == frames:
        return "identical"
    others = plus_minus([one[measure] for one in scores if one["identical"] < one["frames"]], form)
    return f"identical in {identical} of {frames}, else {others}" if identical else others


HOLDS, OPEN, REVERSED = "holds at this scale", "not distinguishable", "reversed"

CONFIDENCE = 0.95
"""Of the one-sided paired t-test."""


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds; one seed has no deviation."""

    mean: float
    deviation: float | None


class Comparison(NamedTuple):
    """The mean of the paired differences, its standard error (none for one seed), and HOLDS, OPEN or REVERSED."""

    difference: float
    error: float | None
    verdict: str

    def in_words(self, form: str = "+.3f") -> str:
        """The difference with its standard error, as in `+0.123 ± 0.045`."""
        return with_error(self.difference, self.error, form)


RULE = (
    "The rule: for each seed, take the difference of the two rows' means over the degraded weathers. A row is better "
    "than another if the mean of these differences is more than t standard errors above zero, where t is Student's for "
    "one side at 95 % (2.92 for three seeds), and worse if it is as far below zero; between the two, they are not "
    "distinguishable. Of a hundred comparisons of equal rows, luck makes five better and five worse."
)
"""The rule of `compare`, as a page tells it."""


def spread(values: Sequence[float]) -> Spread:
    """The values' mean and spread."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def compare(better: Sequence[float], other: Sequence[float]) -> Comparison:
    """Whether the first is better by a one-sided paired t-test; the seeds are the same, and higher is better.

    HOLDS if the mean difference is more than t standard errors above zero, REVERSED if it is as far below, else OPEN;
    one seed is always OPEN. Raises ValueError for different numbers of seeds.

    scipy.stats.ttest_rel gives the same verdicts, but warns about differences that are all equal, whose error is zero.
    """
    differences = [one - two for one, two in zip(better, other, strict=True)]
    mean = fmean(differences)
    if len(differences) == 1:
        return Comparison(mean, None, OPEN)
    error = float(stats.sem(differences))
    bound = float(stats.t.ppf(CONFIDENCE, len(differences) - 1)) * error
    return Comparison(mean, error, HOLDS if mean > bound else REVERSED if mean < -bound else OPEN)


def plus_minus(values: Sequence[float], form: str) -> str:
    """Mean ± standard deviation; one value has no deviation."""
    return with_error(*spread(values), form)


def overall(verdicts: Sequence[str]) -> str:
    """The verdict on a claim over several rows: it holds over all of them, is reversed against any, or is open."""
    if REVERSED in verdicts:
        return REVERSED
    return HOLDS if all(verdict == HOLDS for verdict in verdicts) else OPEN
