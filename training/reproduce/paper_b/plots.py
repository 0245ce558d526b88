"""Plots of paper B's reproduction, as SVG."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot

from training.reproduce.paper_b.claims import MEASURE
from training.reproduce.paper_b.rows import SHARE
from training.reproduce.results import AMBER, BLUE, GREY, TEAL, VIOLET, Result, save_plot
from training.reproduce.scores import averages
from training.reproduce.statistics import spread

SEED_COLOURS = (AMBER, BLUE, VIOLET)
PAPER_BEST = 70


def draw_share(experiment: Result, path: Path) -> None:
    """Figure 6: mean PSNR over k, with the seeds' standard deviation, and every seed alone."""
    rows = {int(row["label"].split()[2]): row["training"] for row in experiment["rows"] if row["table"] == SHARE}
    found = {k: averages(experiment, training, MEASURE) for k, training in rows.items()}
    spreads = [spread(values) for values in found.values()]
    figure, panel = pyplot.subplots(figsize=(6, 3.4), layout="constrained")
    for number, seed in enumerate(experiment["seeds"]):
        values = [seeds[number] for seeds in found.values()]
        panel.plot(list(rows), values, ".:", linewidth=0.8, color=SEED_COLOURS[number % 3], label=f"seed {seed}")
    means, deviations = [s.mean for s in spreads], [s.deviation or 0 for s in spreads]
    panel.errorbar(list(rows), means, deviations, color=TEAL, capsize=4, marker="o", label="mean ± standard deviation")
    panel.axvline(PAPER_BEST, color="black", linewidth=0.6, linestyle="--", label="the paper's best")
    panel.set_xlabel("k: share of the keys that a query keeps, %")
    panel.set_ylabel("PSNR on Y, dB")
    panel.legend(frameon=False, fontsize=7)
    save_plot(figure, path)


def draw_rows(experiment: Result, tables: Sequence[str], titles: Sequence[str], path: Path) -> None:
    """A panel for each table: mean PSNR of its rows with the seeds' standard deviation, ours in colour."""
    figure, panels = pyplot.subplots(1, len(tables), figsize=(4.6 * len(tables), 3), layout="constrained")
    for panel, table, title in zip(panels if len(tables) > 1 else [panels], tables, titles, strict=True):
        rows = [row for row in experiment["rows"] if row["table"] == table]
        spreads = [spread(averages(experiment, row["training"], MEASURE)) for row in rows]
        ours = experiment["ours"]
        for place, (row, found) in enumerate(zip(rows, spreads, strict=True)):
            colour = TEAL if row["training"] == ours else GREY
            panel.errorbar(found.mean, -place, xerr=found.deviation or 0, color=colour, capsize=3, marker="o")
        panel.set_yticks([-place for place in range(len(rows))], [row["label"] for row in rows], fontsize=7)
        panel.set_title(f"{title}: PSNR on Y, dB", fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    save_plot(figure, path)
