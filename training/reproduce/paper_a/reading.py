"""Paper A's figures in sentences: how many rows gain, how many as much as the paper's, and the worth of stage 3."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.reproduce.paper_a.published import BY_DEGRADATION
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, UNGUIDED_LONGER
from training.reproduce.results import Result


def reading(rows: Mapping[str, Result]) -> str:
    """The figures in sentences."""
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    ours = {key: {name: gain(scores) for name, scores in found.items()} for key, gain in GAINS.items()}
    lines = [
        verdict("restored PSNR above the degraded", [name for name, gain in ours["psnr"].items() if gain <= 0], rows),
        verdict("refined mIoU above the original's", [name for name, gain in ours["miou"].items() if gain <= 0], rows),
    ]
    for key, measure in (("psnr", "a PSNR"), ("miou", "an mIoU")):
        gains = {name: BY_DEGRADATION[name].gain(key) for name in rows}
        printed = {name: gain for name, gain in gains.items() if gain is not None}
        below = [name for name, gain in printed.items() if ours[key][name] < gain]
        lines.append(verdict(f"{measure} gain as large as the paper's", below, printed))
    lines += [
        significance("stage 3 above stages 1 + 2, longer", rows, LONGER),
        significance("stage 3 above no mask, longer", rows, UNGUIDED_LONGER),
    ]
    return "\n".join([*lines, ""])


def verdict(claim: str, failing: Sequence[str], rows: Mapping[str, Any]) -> str:
    """How many rows a claim holds for, and for which rows it does not."""
    held = len(rows) - len(failing)
    rest = f"; not for {', '.join(label(name) for name in failing)}" if failing else ""
    return f"- {claim}: {held} of {len(rows)} rows{rest}"


def significance(claim: str, rows: Mapping[str, Result], other: str) -> str:
    """In how many rows a difference is beyond two standard errors, either way."""
    over = {name: row["stage_3_over"][other] for name, row in rows.items()}
    above = [label(n) for n, d in over.items() if d["psnr"] > 2 * d["standard_error"]]
    below = [label(n) for n, d in over.items() if d["psnr"] < -2 * d["standard_error"]]
    mean = sum(d["psnr"] for d in over.values()) / len(over)
    return (
        f"- {claim}, by more than two standard errors: {', '.join(above) or 'no row'}; below it by as much: "
        f"{', '.join(below) or 'no row'}; mean over the rows {mean:+.2f} dB"
    )


def label(name: str) -> str:
    """The paper's short name of a degradation."""
    return BY_DEGRADATION[name].label


def psnr_gain(scores: Result) -> float:
    """Restored over degraded, dB."""
    return float(scores["psnr_restored"] - scores["psnr_degraded"])


def miou_gain(scores: Result) -> float:
    """Refined over original, over the whole set."""
    return float(scores["refined"]["set"]["miou"] - scores["original"]["set"]["miou"])


GAINS = {"psnr": psnr_gain, "miou": miou_gain}
"""Our gains, by the keys of the printed scores."""
