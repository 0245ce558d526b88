"""Sums judged frames up as the rows of the table, and the router's probabilities as its calibration."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.quality.judge import ALONE_DB, Answer, Judged, Model
from training.judging.metrics import expected_calibration_error

Row = dict[str, Any]

BINS = 15
LEAST_GAP = 0.01
"""Smallest loss of mIoU for which the closed share of the gap is given."""


def row(judged: Judged, model: Model) -> Row:
    """One condition's figures; figures that do not apply are None. mIoU `clear` and the gap come with `with_clear`."""
    answers, condition = judged.answers, judged.condition
    found: Row = {"condition": condition.name, "frames": len(answers), "alone": condition.alone}
    for name in ("psnr_in", "psnr_out", "ssim_in", "ssim_out"):
        found[name] = _mean([getattr(answer, name) for answer in answers])
    found["worst_gain_db"] = round(min(answer.gain_db for answer in answers), 3)
    found["street_gain_db"] = _mean([answer.street_gain_db for answer in answers])
    found["baseline"] = ", ".join(condition.baselines) or None
    found["psnr_baseline"] = _mean([answer.psnr_baseline for answer in answers])
    found |= _left_alone(answers)
    found |= {f"miou_{name}": _rounded(masks.miou) for name, masks in judged.masks.items()}
    found["weather_right"] = _right(judged, model)
    found["weather_seen"] = _seen(answers)
    return found


def with_clear(rows: Sequence[Row]) -> list[Row]:
    """The rows of one set with the base's mIoU on clear frames, and the share of the gap to it that refining closes."""
    clear = rows[0].get("miou_degraded")
    completed = []
    for one in rows:
        before, after = one.get("miou_degraded"), one.get("miou_refined")
        closed = None
        if clear is not None and before is not None and after is not None and clear - before >= LEAST_GAP:
            closed = round((after - before) / (clear - before), 3)
        completed.append(one | {"miou_clear": clear, "gap_closed": closed})
    return completed


def calibration(judged: Sequence[Judged], model: Model) -> Row | None:
    """ECE of the router, in percent, over all rows with one right answer; None if it names no weather."""
    pairs = [
        (answer.weather, next(iter(one.condition.weathers)))
        for one in judged
        if not one.condition.mixed and model.knows(one.condition.weathers)
        for answer in one.answers
    ]
    if not pairs:
        return None
    names = list(model.manifest.weathers)
    probabilities_NK = torch.tensor([[weather[name] for name in names] for weather, _ in pairs])
    labels_N = torch.tensor([names.index(truth) for _, truth in pairs])
    right = float((probabilities_NK.argmax(dim=1) == labels_N).float().mean())
    error = 100 * expected_calibration_error(probabilities_NK, labels_N, BINS)
    return {"ece_percent": round(error, 2), "weather_right": round(right, 4), "frames": len(pairs)}


def _left_alone(answers: Sequence[Answer]) -> Row:
    """How many frames came back as they were, the mean and least PSNR against the target of all others."""
    changed = [answer for answer in answers if not answer.identical]
    return {
        "identical": len(answers) - len(changed),
        "psnr_changed": _mean([answer.psnr_out for answer in changed]),
        "psnr_least": round(min(answer.psnr_out for answer in answers), 3),
        "within_40_db": round(float(np.mean([answer.psnr_out >= ALONE_DB for answer in answers])), 4),
        "largest_change": max(answer.largest_change for answer in answers),
    }


def _right(judged: Judged, model: Model) -> float | None:
    if not model.knows(judged.condition.weathers):
        return None
    right = [answer.dominant_weather in judged.condition.weathers for answer in judged.answers]
    return round(float(np.mean(right)), 4)


def _seen(answers: Sequence[Answer]) -> dict[str, int]:
    """How often each weather was the most probable."""
    names = [answer.dominant_weather for answer in answers]
    return {name: names.count(name) for name in sorted(set(names))}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
