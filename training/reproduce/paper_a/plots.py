"""Plots of paper A's reproduction, as SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from training.reproduce.paper_a.published import Published
from training.reproduce.paper_a.runs import COOPERATIVE, LONGER, SEPARATE, UNGUIDED_LONGER

OURS, PAPER = "#0d9488", "#9ca3af"
COLOURS = {UNGUIDED_LONGER: "#9ca3af", SEPARATE: "#a78bfa", LONGER: "#3b82f6", COOPERATIVE: "#0d9488"}
Rows = Mapping[str, Mapping[str, Any]]


def draw_gains(rows: Rows, published: Mapping[str, Published], path: Path) -> None:
    """Gains in PSNR and in mIoU, ours beside the paper's where it prints them."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    _draw_gain(panels[0], rows, published, "psnr", "PSNR gain, dB")
    _draw_gain(panels[1], rows, published, "miou", "mIoU gain")
    panels[0].legend(frameon=False)
    _save(figure, path)


def draw_cooperation(rows: Rows, path: Path) -> None:
    """PSNR gain over the degraded frames, and the refined mask's mIoU over the original's, of every variant."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    wide = 0.8 / len(COLOURS)
    for number, (variant, colour) in enumerate(COLOURS.items()):
        places = [place + (number - (len(COLOURS) - 1) / 2) * wide for place in range(len(rows))]
        found = [row["variants"][variant] for row in rows.values()]
        panels[0].bar(
            places, [v["psnr_restored"] - v["psnr_degraded"] for v in found], wide, color=colour, label=variant
        )
        if variant != UNGUIDED_LONGER:
            panels[1].bar(places, [_miou(v) for v in found], wide, color=colour)
    for panel, title in zip(panels, ("PSNR gain, dB", "mIoU gain"), strict=True):
        _name_rows(panel, [name.replace("_", " ") for name in rows], title)
    panels[0].legend(frameon=False, fontsize=8)
    _save(figure, path)


def _draw_gain(panel: Any, rows: Rows, published: Mapping[str, Published], key: str, title: str) -> None:
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    ours = [v["psnr_restored"] - v["psnr_degraded"] if key == "psnr" else _miou(v) for v in found.values()]
    panel.bar([place - 0.2 for place in range(len(rows))], ours, 0.4, color=OURS, label="ours")
    printed = [(getattr(published[n].degraded, key), getattr(published[n].refined, key)) for n in rows]
    panel.bar(
        [place + 0.2 for place, (before, _) in enumerate(printed) if before is not None],
        [after - before for before, after in printed if before is not None],
        0.4,
        color=PAPER,
        label="paper A (its own data)",
    )
    _name_rows(panel, [published[name].label for name in rows], title)


def _name_rows(panel: Any, names: list[str], title: str) -> None:
    panel.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_title(title, fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)


def _miou(scores: Mapping[str, Any]) -> float:
    return scores["refined"]["set"]["miou"] - scores["original"]["set"]["miou"]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
