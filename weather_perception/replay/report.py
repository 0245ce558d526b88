"""Renders the report: one HTML file with everything in it, such as how the model routed the frames over time."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from weather_perception.replay.document import CameraResults
from weather_perception.replay.evaluation import UNKNOWN
from weather_perception.replay.metrics import COLUMNS, cells, facts, judgements, overview
from weather_perception.replay.pictures import legend, strip_of
from weather_perception.replay.recording import Answer


@dataclass(frozen=True)
class Run:
    """What was replayed, and how: a short title, the source's full name, the command line."""

    title: str
    source: str
    command: str


def write_report(path: Path, document: dict[str, Any], results: Sequence[CameraResults]) -> None:
    """Write the report about a run: the contents of metrics.json, and what the pictures come from."""
    camera, result = document["cameras"][0], results[0]
    figures = overview(document, camera, camera["runs"][0])
    title = "/".join(Path(camera["recording"]).resolve().parts[-2:])
    run = Run(title, camera["name"], document["replay"]["command"])
    page = render_report(run, figures, result, [note for camera in document["cameras"] for note in camera["notes"]])
    path.write_text(page, encoding="utf-8")


def render_report(run: Run, metrics: Mapping[str, Any], result: CameraResults, notes: Sequence[str] = ()) -> str:
    """The report as HTML; `notes` are what a person should know about the recordings."""
    environment = Environment(
        loader=PackageLoader("weather_perception.replay", "."), autoescape=True, undefined=StrictUndefined
    )
    recording, evaluation, manifest = result.recordings[0], result.evaluations[0], result.manifests[0]
    start_ns = min((answer.stamp_ns for answer in recording.answers.values()), default=0)
    palette = manifest.palette
    routes = manifest.names_weather or bool(manifest.gates)

    def strips(pictures: list[Any]) -> list[Any]:
        return [strip_of(picture, palette, start_ns) for picture in sorted(pictures, key=lambda item: item.stamp_ns)]

    gallery = evaluation.gallery
    return environment.get_template("report.html.j2").render(
        metrics=metrics,
        notes=notes,
        facts=facts(dict(metrics)),
        columns=[title for title, _, _ in COLUMNS],
        weather_known=bool(set(metrics["weathers"]) - {UNKNOWN}),
        rows=[
            (name, row["frames"], list(zip(cells(row), judgements(row), strict=True)))
            for name, row in metrics["weathers"].items()
        ],
        drop_examples=recording.drop_examples,
        routes=routes,
        timeline=draw_timeline(recording.answers, result.truth.bands) if routes and recording.answers else "",
        groups=[("" if name == UNKNOWN else name, strips(pictures)) for name, pictures in gallery.drawn.items()],
        worst=[strip_of(picture, palette, start_ns) for picture in gallery.worst],
        worst_by_psnr=any(picture.psnr_db for picture in gallery.worst),
        legend=legend(manifest),
        model=recording.model_name,
        sha256=recording.model_sha256,
        run=run,
    )


COLOURS = {
    "clear": "#3b82f6",
    "fog": "#9ca3af",
    "rain": "#0d9488",
    "snow": "#a78bfa",
    "dusk": "#f59e0b",
    "night": "#6366f1",
}
SPARE_COLOURS = ("#ef4444", "#22c55e", "#ec4899", "#84cc16", "#06b6d4", "#f97316")
MOST_COLUMNS = 500
# A colour nobody uses, replaced by CSS's currentColor so that the text can be read on light and dark pages.
_INK = "#010203"

Band = tuple[int, int, str]


def colour_of(name: str, names: Sequence[str]) -> str:
    """The colour of a weather, the same wherever it is shown."""
    return COLOURS.get(name) or SPARE_COLOURS[list(names).index(name) % len(SPARE_COLOURS)]


def draw_timeline(answers: Mapping[int, Answer], bands: Sequence[Band]) -> str:
    """Weather probabilities, the true weather as bands behind them, and every gate below, over time; inline SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ordered = sorted(answers.values(), key=lambda answer: answer.stamp_ns)
    stamps = np.array([answer.stamp_ns for answer in ordered])
    start = min([int(stamps[0]), *(band[0] for band in bands)])
    seconds, weather_TK = _thin((stamps - start) / 1e9, np.array([[*answer.weather.values()] for answer in ordered]))
    _, gates_TG = _thin(seconds, np.array([[*answer.gates.values()] for answer in ordered]))
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = dict.fromkeys(inked, _INK)
    gate_names = list(ordered[0].gates)
    height = 2.6 + 0.17 * len(gate_names)
    with pyplot.rc_context(
        {**style, "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "svg.hashsalt": "timeline"}
    ):
        figure, (above, below) = pyplot.subplots(
            2, sharex=True, figsize=(9, height), height_ratios=(2.2, 0.3 + 0.17 * len(gate_names)), layout="constrained"
        )
        _draw_weather(
            above,
            seconds,
            weather_TK,
            list(ordered[0].weather),
            [((a - start) / 1e9, (b - start) / 1e9, n) for a, b, n in bands],
        )
        _draw_gates(below, seconds, gates_TG, gate_names)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(figure)
    return _inline(buffer.getvalue())


def _draw_weather(
    axes: Any,
    seconds: NDArray[np.float64],
    weather_TK: NDArray[np.float64],
    names: list[str],
    bands: list[tuple[float, float, str]],
) -> None:
    for begin, end, name in bands:
        colour = colour_of(name, names) if name in names else SPARE_COLOURS[0]
        axes.axvspan(begin, end, color=colour, alpha=0.16, lw=0)
        axes.text((begin + end) / 2, 1.06, name, ha="center", va="bottom", fontsize=8)
    for index, name in enumerate(names):
        axes.plot(seconds, weather_TK[:, index], label=name, color=colour_of(name, names), lw=1.6)
    axes.set(ylim=(-0.02, 1.04), ylabel="probability", yticks=(0, 0.5, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, handlelength=1.2)


def _draw_gates(axes: Any, seconds: NDArray[np.float64], gates_TG: NDArray[np.float64], names: list[str]) -> None:
    edges = np.append(seconds, seconds[-1] + (seconds[-1] - seconds[-2] if len(seconds) > 1 else 0.1))
    mesh = axes.pcolormesh(
        edges,
        np.arange(len(names) + 1),
        gates_TG.T,
        cmap="viridis",
        vmin=0,
        vmax=max(1.0, float(gates_TG.max(initial=0))),
    )
    mesh.set_rasterized(True)
    axes.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="seconds", ylabel="gates")
    axes.tick_params(length=0, axis="y")
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(mesh, ax=axes, pad=0.01, aspect=12).outline.set_visible(False)


def _thin(
    seconds: NDArray[np.float64], values_TN: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average runs of neighbours, so that at most MOST_COLUMNS columns are drawn."""
    if len(values_TN) <= MOST_COLUMNS:
        return seconds[: len(values_TN)], values_TN
    parts = np.array_split(np.arange(len(values_TN)), MOST_COLUMNS)
    kept = seconds if len(seconds) == MOST_COLUMNS else np.array([seconds[part[0]] for part in parts])
    return kept, np.array([values_TN[part].mean(axis=0) for part in parts])


def _inline(svg: str) -> str:
    """The <svg> element alone, as wide as the page, with the page's text colour and font."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 width="100%"', svg, count=1)
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
