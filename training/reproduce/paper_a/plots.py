"""Plots of paper A's reproduction, as SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import pyplot

from training.reproduce.paper_a.published import BY_DEGRADATION
from training.reproduce.paper_a.reading import miou_gain, psnr_gain
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, SEPARATE, UNGUIDED_LONGER
from training.reproduce.results import BLUE, GREY, TEAL, VIOLET, Result, save_plot

COLOURS = {UNGUIDED_LONGER: GREY, SEPARATE: VIOLET, LONGER: BLUE, COOPERATIVE: TEAL}
Rows = Mapping[str, Result]


def draw_gains(rows: Rows, path: Path) -> None:
    """Gains in PSNR and in mIoU, ours beside the paper's if it prints them."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    _draw_gain(panels[0], rows, "psnr", "PSNR gain, dB")
    _draw_gain(panels[1], rows, "miou", "mIoU gain")
    panels[0].legend(frameon=False)
    save_plot(figure, path)


def draw_cooperation(rows: Rows, path: Path) -> None:
    """PSNR gain over the degraded frames, and the refined mask's mIoU over the original's, of every variant."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    wide = 0.8 / len(COLOURS)
    for number, (variant, colour) in enumerate(COLOURS.items()):
        places = [place + (number - (len(COLOURS) - 1) / 2) * wide for place in range(len(rows))]
        found = [row["variants"][variant] for row in rows.values()]
        panels[0].bar(places, [psnr_gain(v) for v in found], wide, color=colour, label=variant)
        if variant != UNGUIDED_LONGER:
            panels[1].bar(places, [miou_gain(v) for v in found], wide, color=colour)
    for panel, title in zip(panels, ("PSNR gain, dB", "mIoU gain"), strict=True):
        _name_rows(panel, [name.replace("_", " ") for name in rows], title)
    panels[0].legend(frameon=False, fontsize=8)
    save_plot(figure, path)


def _draw_gain(panel: Any, rows: Rows, key: str, title: str) -> None:
    found = {name: row["variants"][COOPERATIVE] for name, row in rows.items()}
    gain = {"psnr": psnr_gain, "miou": miou_gain}[key]
    ours = [gain(scores) for scores in found.values()]
    panel.bar([place - 0.2 for place in range(len(rows))], ours, 0.4, color=TEAL, label="ours")
    printed = [(getattr(BY_DEGRADATION[n].degraded, key), getattr(BY_DEGRADATION[n].refined, key)) for n in rows]
    panel.bar(
        [place + 0.2 for place, (before, _) in enumerate(printed) if before is not None],
        [after - before for before, after in printed if before is not None],
        0.4,
        color=GREY,
        label="paper A (its own data)",
    )
    _name_rows(panel, [BY_DEGRADATION[name].label for name in rows], title)


def _name_rows(panel: Any, names: list[str], title: str) -> None:
    panel.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_title(title, fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
