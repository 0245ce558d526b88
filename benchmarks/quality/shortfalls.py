"""Says in sentences what a model does badly, from the rows of the table."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.quality.judge import ALONE_DB

Row = Mapping[str, Any]

LEAST_GAIN_DB, LEAST_WORST_DB = 1.0, -0.5
LEAST_SHARE = 0.9
LEAST_MIOU = 0.01
"""A mean gain, a worst frame's gain, a share of frames (of 0..1) and a difference of mIoU below which a row is weak."""


def shortfalls(sets: Mapping[str, Any]) -> list[str]:
    """One sentence for every weak row of every set of frames, in the table's order."""
    return [
        f"{name}, {row['condition']}: {'; '.join(weak)}."
        for name, one in sets.items()
        for row in one["rows"]
        if (weak := list(_weak(row)))
    ]


def _weak(row: Row) -> Iterator[str]:
    if row["alone"]:
        yield from _changed(row)
    else:
        yield from _restored(row)
    yield from _mistaken(row)
    yield from _masks(row)


def _changed(row: Row) -> Iterator[str]:
    """Good frames that it does not leave alone."""
    if row["within_40_db"] < LEAST_SHARE:
        touched = round(row["frames"] * (1 - row["within_40_db"]))
        yield (
            f"{touched} of {row['frames']} good frames come back with less than {ALONE_DB:.0f} dB, the worst with "
            f"{row['psnr_least']:.1f} dB"
        )


def _restored(row: Row) -> Iterator[str]:
    """Degraded frames that gain too little, or lose."""
    gain = row["psnr_out"] - row["psnr_in"]
    if gain < LEAST_GAIN_DB or row["worst_gain_db"] < LEAST_WORST_DB:
        yield f"{gain:+.1f} dB on average, {row['worst_gain_db']:+.1f} dB for the worst frame"
    simple = row["psnr_baseline"]
    if simple is not None and simple > row["psnr_out"]:
        yield f"{row['baseline']} gives {simple - row['psnr_out']:.1f} dB more"


def _mistaken(row: Row) -> Iterator[str]:
    """Weathers that it takes for others."""
    right = row["weather_right"]
    if right is not None and right < LEAST_SHARE:
        seen = ", ".join(f"{name} {count}" for name, count in row["weather_seen"].items())
        yield f"its weather is right in {right:.0%} (seen as {seen})"


def _masks(row: Row) -> Iterator[str]:
    """Refined masks that are worse than those of the base segmenter, on the degraded frame or on the restored one."""
    refined = row.get("miou_refined")
    others = {"degraded": row.get("miou_degraded"), "restored": row.get("miou_restored")}
    for name, miou in others.items():
        if refined is not None and miou is not None and refined < miou - LEAST_MIOU:
            yield f"refined mask {refined:.3f} mIoU, base segmenter on the {name} frame {miou:.3f}"
