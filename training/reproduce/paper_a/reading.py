"""Paper A's figures in sentences: how many rows gain, how many as much as the paper's, and the worth of stage 3."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from training.reproduce.paper_a.published import BY_DEGRADATION
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, UNGUIDED_LONGER
from training.reproduce.results import Result

Gain = Callable[[Result], float]


def reading(rows: Mapping[str, Result]) -> str:
    """The figures in sentences."""
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    return "\n".join(
        (
            verdict("restored PSNR above the degraded", [n for n, v in found.items() if psnr_gain(v) <= 0], rows),
            verdict("refined mIoU above the original's", [n for n, v in found.items() if miou_gain(v) <= 0], rows),
            verdict(
                "a PSNR gain as large as the paper's", below(found, "psnr", psnr_gain), printed_rows(found, "psnr")
            ),
            verdict(
                "an mIoU gain as large as the paper's", below(found, "miou", miou_gain), printed_rows(found, "miou")
            ),
            significance("stage 3 above stages 1 + 2, longer", rows, LONGER),
            significance("stage 3 above no mask, longer", rows, UNGUIDED_LONGER),
            "",
        )
    )


def verdict(claim: str, failing: Sequence[str], rows: Sequence[str] | Mapping[str, Any]) -> str:
    """How many rows a claim holds for, and for which rows it does not."""
    held = len(rows) - len(failing)
    rest = f"; not for {', '.join(label(name) for name in failing)}" if failing else ""
    return f"- {claim}: {held} of {len(rows)} rows{rest}"


def significance(claim: str, rows: Mapping[str, Result], other: str) -> str:
    """In how many rows a difference is beyond two standard errors, either way."""
    over = {name: row["stage_3_over"][other] for name, row in rows.items()}
    above = [label(n) for n, d in over.items() if d["psnr"] > 2 * d["standard_error"]]
    below_ = [label(n) for n, d in over.items() if d["psnr"] < -2 * d["standard_error"]]
    mean = sum(d["psnr"] for d in over.values()) / len(over)
    return (
        f"- {claim}, by more than two standard errors: {', '.join(above) or 'no row'}; below it by as much: "
        f"{', '.join(below_) or 'no row'}; mean over the rows {mean:+.2f} dB"
    )


def printed_rows(found: Mapping[str, Any], key: str) -> list[str]:
    """The rows whose gain the paper prints."""
    return [name for name in found if getattr(BY_DEGRADATION[name].degraded, key) is not None]


def below(found: Mapping[str, Result], key: str, gain: Gain) -> list[str]:
    """The rows whose gain is smaller than the printed one."""
    return [
        name
        for name in printed_rows(found, key)
        if gain(found[name]) < getattr(BY_DEGRADATION[name].refined, key) - getattr(BY_DEGRADATION[name].degraded, key)
    ]


def label(name: str) -> str:
    """The paper's short name of a degradation."""
    return BY_DEGRADATION[name].label


def psnr_gain(scores: Result) -> float:
    """Restored over degraded, dB."""
    return float(scores["psnr_restored"] - scores["psnr_degraded"])


def miou_gain(scores: Result) -> float:
    """Refined over original, over the whole set."""
    return float(scores["refined"]["set"]["miou"] - scores["original"]["set"]["miou"])
