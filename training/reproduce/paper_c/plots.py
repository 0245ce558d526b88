"""Plots of paper C's reproduction: conflict over the training, sharing by layer, a frame in mixed weather."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib import pyplot

from training.data.degradations.arguments import Image
from training.reproduce.paper_c.reading import mean_curve
from training.reproduce.paper_c.rows import OURS, SUM
from training.reproduce.results import AMBER, BLUE, GREY, TEAL, VIOLET, Result, save_plot
from training.reproduce.scores import seeds

COLOURS = {"clear": AMBER, "fog": GREY, "rain": BLUE, "snow": VIOLET}


def draw_conflict(result: Result, path: Path) -> None:
    """Over the steps: pairs in conflict before and after MVGH; and the tasks that each method's updates oppose."""
    figure, (pairs, updates) = pyplot.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained", sharex=True)
    for row in result["rows"]:
        before, own = curves(result, row, "conflict"), row == OURS
        if row in (OURS, SUM):
            band(pairs, result, before, TEAL if own else AMBER, f"{result['rows'][row]}, before")
        style = {OURS: (TEAL, 1.8), SUM: (AMBER, 1.8)}.get(row, (GREY, 0.7))
        label = result["rows"][row] if row in (OURS, SUM) else None
        steps = centres(result, len(before[0]))
        updates.plot(steps, mean_curve(curves(result, row, "opposed")), color=style[0], linewidth=style[1], label=label)
    band(pairs, result, curves(result, OURS, "conflict_after"), "#134e4a", "MVGH, after")
    updates.plot([], [], color=GREY, linewidth=0.7, label="the other methods")
    pairs.set(title="pairs of weathers in conflict", ylabel="share, 0..1", xlabel="step", ylim=(0, None))
    updates.set(title="weathers that the update opposes", xlabel="step", ylim=(0, None))
    for panel in (pairs, updates):
        panel.legend(frameon=False, fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    save_plot(figure, path)


def band(panel: Any, result: Result, found: Sequence[Sequence[float]], colour: str, label: str) -> None:
    """The seeds' mean, and their range."""
    steps, values = centres(result, len(found[0])), np.asarray(found)
    panel.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    panel.plot(steps, values.mean(axis=0), color=colour, label=label)


def curves(result: Result, row: str, name: str) -> list[list[float]]:
    """The curves of a row, seed by seed."""
    return [one["curves"][name] for one in seeds(result, row)]


def centres(result: Result, bins: int) -> list[float]:
    """The middle steps of the windows of `binned`."""
    return [float(window.mean()) for window in np.array_split(np.arange(result["scale"]["training"]["steps"]), bins)]


def draw_sharing(result: Result, path: Path) -> None:
    """The share of channels that each convolution shares: with MVGH by weather, and with every method."""
    weathers, rows = list(result["weathers"]), list(result["rows"])
    layers = list(seeds(result, OURS)[0]["shared"][weathers[0]])
    by_weather = [[shared(result, OURS, [weather], layer) for weather in weathers] for layer in layers]
    by_method = [[shared(result, row, weathers, layer) for row in rows] for layer in layers]
    size = (2.6 + 0.55 * (len(weathers) + len(rows)), 1.4 + 0.3 * len(layers))
    ratios = [len(weathers), len(rows)]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=size, layout="constrained", width_ratios=ratios)
    heat(left, by_weather, weathers, "MVGH, by weather")
    heat(right, by_method, [result["rows"][row] for row in rows], "by method, all weathers")
    left.set_yticks(np.arange(len(layers)) + 0.5, layers, fontsize=7)
    right.set_yticks([])
    save_plot(figure, path)


def shared(result: Result, row: str, weathers: Sequence[str], layer: str) -> float:
    """The mean share of a layer's channels over seeds and weathers."""
    return fmean(one["shared"][weather][layer] for one in seeds(result, row) for weather in weathers)


def heat(panel: Any, values: Sequence[Sequence[float]], columns: Sequence[str], title: str) -> None:
    """A table of shares as colours, with the figures inside; the first row is on top."""
    panel.pcolormesh(values, cmap="YlGnBu", vmin=0, vmax=1, edgecolors="white", linewidth=0.5)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            colour = "white" if value > 0.6 else "black"
            panel.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)
    panel.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=7, rotation=40, ha="right")
    panel.invert_yaxis()
    panel.set_title(title, fontsize=8)


def draw_mixed(
    images: Mapping[str, Image], probabilities: Mapping[str, Mapping[str, float]], title: str, path: Path
) -> None:
    """A frame in single and mixed weathers, and the router's probabilities for each."""
    figure, panels = pyplot.subplots(
        2, len(images), figsize=(1.9 * len(images), 2.7), layout="constrained", height_ratios=[1, 1], squeeze=False
    )
    for (name, image), (above, below) in zip(images.items(), panels.T, strict=True):
        above.imshow(image)
        above.set_title(name, fontsize=8)
        above.axis("off")
        found = probabilities[name]
        below.bar(list(found), list(found.values()), color=[COLOURS.get(weather, GREY) for weather in found])
        below.set_ylim(0, 1)
        below.tick_params(labelsize=6)
        below.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=9)
    save_plot(figure, path)
