"""Scores of restored frames, in RGB and on luma as WeatherBench scores, and their means over weathers and seeds.

Frames that equal their clear ones are counted apart, and a mean over weathers is over the degraded ones: a frame that
needs nothing says how little a network harms, and its PSNR would outweigh those of the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.judging.judge import Frame
from training.judging.metrics import psnr_luma, ssim_luma
from training.models.deploy import STRIDE, Restored, finish, prepare
from training.reproduce.results import Result, table, with_error
from weather_perception.core.no_reference import luma, measures
from weather_perception.core.scores import psnr, ssim

MEASURES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "psnr_y": psnr_luma,
    "ssim_y": ssim_luma,
    "psnr": psnr,
    "ssim": ssim,
}
"""On luma inside a border of four pixels, as the benchmark of paper B's Table 1 scores; and in RGB. PSNR in dB."""

UNREFERENCED = {
    "edges": "visible edges, %",
    "contrast": "contrast, %",
    "noise": "noise, grey levels",
    "clipped": "clipped, %",
}
"""Measures of a picture that need no clear one, and their headings."""

CLEAR = "clear"

CLEAR_DB = 50.0
"""Least PSNR of clear frames: a constraint on a restorer, and no part of any mean."""

Restore = Callable[[Tensor], Tensor]
"""uint8 [B, H, W, 3] to the same."""


def score(restore: Restore, frames: Iterable[Frame]) -> dict[str, float]:
    """The number of `frames` and of those `identical` to their clear ones, and the means of MEASURES and UNREFERENCED.

    Identical frames have no part in a mean PSNR unless all frames are. Raises ValueError if there are no frames.
    """
    found: list[dict[str, float]] = []
    different: list[dict[str, float]] = []
    for degraded_HW3, clear_HW3, _ in frames:
        degraded, clear = (torch.from_numpy(plane.copy())[None] for plane in (degraded_HW3, clear_HW3))
        restored = restore(degraded)
        found.append({name: measure(restored, clear) for name, measure in MEASURES.items()})
        found[-1] |= unreferenced(restored)
        if not torch.equal(restored, clear):
            different.append(found[-1])
    if not found:
        raise ValueError("score: there are no frames; give at least one")
    counted = {name: (different or found) if name.startswith("psnr") else found for name in found[0]}
    means = {name: round(fmean(image[name] for image in images), 4) for name, images in counted.items()}
    return {"frames": len(found), "identical": len(found) - len(different)} | means


def unreferenced(image_BHW3: Tensor) -> dict[str, float]:
    """UNREFERENCED of a batch of one picture, uint8 [1, H, W, 3]."""
    return measures(luma(image_BHW3[0].numpy()))


def score_clear(frames: Iterable[Frame]) -> dict[str, float]:
    """The means of UNREFERENCED over the clear frames."""
    found = [unreferenced(torch.from_numpy(clear_HW3.copy())[None]) for _, clear_HW3, _ in frames]
    return {name: round(fmean(one[name] for one in found), 4) for name in UNREFERENCED}


def unreferenced_table(
    degraded: Mapping[str, Mapping[str, float]],
    restored: Sequence[Mapping[str, Mapping[str, float]]],
    clear: Mapping[str, Mapping[str, float]],
) -> str:
    """UNREFERENCED by weather, of the degraded, the restored (of each seed) and the clear frames."""
    lines = []
    for weather, before in degraded.items():
        cells = []
        for name, title in UNREFERENCED.items():
            scale = 100 if title.endswith("%") else 1
            after = plus_minus([scale * seed[weather][name] for seed in restored], ".1f")
            cells.append(f"{scale * before[name]:.1f} -> {after} ({scale * clear[weather][name]:.1f})")
        lines.append([weather, *cells])
    return table(("weather", *UNREFERENCED.values()), lines) + "\n" + UNREFERENCED_NOTE


UNREFERENCED_NOTE = (
    "Degraded -> restored (clear). These are not the paper's metrics, which are learned; their library, pyiqa, needs "
    "torchvision, which replaces an installed PyTorch. They are those of `replay`, and none is a grade: grain and rain "
    "streaks have edges too. The clear frames' figures are the aim.\n"
)


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


def averages(result: Result, training: str, measure: str, column: str = "weathers") -> list[float]:
    """A training's mean over the degraded weathers, seed by seed, of one column of scores."""
    return [degraded_mean(scores[column], measure) for scores in seeds(result, training)]


def keeps_clear(scores: Mapping[str, float]) -> bool:
    """Whether clear frames stay as they are, or within CLEAR_DB."""
    return scores["identical"] == scores["frames"] or scores["psnr"] >= CLEAR_DB


def clear_in_words(scores: Sequence[Mapping[str, float]]) -> str:
    """In how many seeds clear frames keep the constraint."""
    return f"{sum(map(keeps_clear, scores))} of {len(scores)}"


def psnr_in_words(scores: Sequence[Mapping[str, float]], measure: str = "psnr", form: str = ".2f") -> str:
    """PSNR of frames with one or several seeds, in dB; those identical to the clear ones are counted apart.

    As in `35.00 ± 1.46`, `identical`, or `identical in 2 of 24, else 35.00 ± 1.46`.
    """
    frames, identical = (int(sum(one[key] for one in scores)) for key in ("frames", "identical"))
    if identical == frames:
        return "identical"
    others = plus_minus([one[measure] for one in scores if one["identical"] < one["frames"]], form)
    return f"identical in {identical} of {frames}, else {others}" if identical else others


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds; one seed has no deviation."""

    mean: float
    deviation: float | None


def spread(values: Sequence[float]) -> Spread:
    """The values' mean and spread."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def plus_minus(values: Sequence[float], form: str) -> str:
    """Mean ± standard deviation; one value has no deviation."""
    return with_error(*spread(values), form)
