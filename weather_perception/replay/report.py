"""Renders the report: one HTML file with everything in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from weather_perception.core.contract import Manifest
from weather_perception.replay.evaluation import UNKNOWN, Evaluation
from weather_perception.replay.metrics import COLUMNS, cells, facts, judgements
from weather_perception.replay.pictures import legend, strip_of
from weather_perception.replay.recording import Recording
from weather_perception.replay.timeline import draw_timeline


@dataclass(frozen=True)
class Run:
    """What was replayed, and how: a short title, the source's full name, the command line."""

    title: str
    source: str
    command: str


def render_report(
    run: Run, metrics: Mapping[str, Any], recording: Recording, evaluation: Evaluation, manifest: Manifest
) -> str:
    """The report as HTML."""
    environment = Environment(
        loader=PackageLoader("weather_perception.replay", "."), autoescape=True, undefined=StrictUndefined
    )
    start_ns = min(recording.answers, default=0)
    palette = manifest.palette
    routes = manifest.names_weather or bool(manifest.gates)

    def strips(pictures: list[Any]) -> list[Any]:
        return [strip_of(picture, palette, start_ns) for picture in sorted(pictures, key=lambda item: item.stamp_ns)]

    gallery = evaluation.gallery
    return environment.get_template("report.html.j2").render(
        metrics=metrics,
        facts=facts(dict(metrics)),
        columns=[title for title, _, _ in COLUMNS],
        weather_known=bool(set(metrics["weathers"]) - {UNKNOWN}),
        rows=[
            (name, row["frames"], list(zip(cells(row), judgements(row), strict=True)))
            for name, row in metrics["weathers"].items()
        ],
        drop_examples=recording.drop_examples,
        routes=routes,
        timeline=draw_timeline(recording.answers, evaluation.bands) if routes and recording.answers else "",
        groups=[("" if name == UNKNOWN else name, strips(pictures)) for name, pictures in gallery.drawn.items()],
        worst=[strip_of(picture, palette, start_ns) for picture in gallery.worst],
        worst_by_psnr=any(picture.psnr_db for picture in gallery.worst),
        legend=legend(manifest),
        model=recording.model_name,
        sha256=recording.model_sha256,
        run=run,
    )
