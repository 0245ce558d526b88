"""Prepares one camera and one model for the report: tables, timelines and moments, ready to be printed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.pipeline import UNKNOWN
from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.comparison import Comparison, measures_of, scores_of
from weather_perception.replay.histogram import Histogram, histogram
from weather_perception.replay.metrics import cells, judgements
from weather_perception.replay.moments import Moment
from weather_perception.replay.no_reference import MEASURES, Measure
from weather_perception.replay.timeline import Band, Column, Lines, Shape, Timeline, clock
from weather_perception.replay.verdict import Metrics, period_ms

COLOURS = {
    "clear": "#3b82f6",
    "fog": "#9ca3af",
    "rain": "#0d9488",
    "snow": "#a78bfa",
    "dusk": "#f59e0b",
    "night": "#4f46e5",
    "raindrops": "#06b6d4",
}
SPARE_COLOURS = ("#ef4444", "#22c55e", "#ec4899", "#84cc16", "#f97316", "#eab308")
SHOWN_DROPS = 20


@dataclass(frozen=True)
class Routing:
    """The weather over time as areas, the true weather as bands, and the gates as a strip of rows."""

    weathers: tuple[Shape, ...]
    truth: tuple[Band, ...]
    seen: tuple[Band, ...]
    gates: tuple[str, ...]
    strip: str
    most: float


@dataclass(frozen=True)
class ClassRow:
    """A class: its colour, IoU of base and refined mask, and its share of the true pixels; None if unknown."""

    name: str
    colour: str
    base: float | None
    refined: float | None
    pixels: float | None


@dataclass(frozen=True)
class MeasureRow:
    """A measure without ground truth: its words, its change, and its lines over time."""

    measure: Measure
    change: Comparison
    lines: Lines


@dataclass(frozen=True)
class Shown:
    """A moment, its place on the timeline in per cent, and its time in words."""

    number: int
    moment: Moment
    at: float
    time: str
    stamp: str


@dataclass(frozen=True)
class Section:
    """One camera and one model."""

    anchor: str
    camera: Metrics
    run: Metrics
    model: Metrics
    timeline: Timeline
    moments: tuple[Shown, ...]
    scores: tuple[tuple[str, int, list[tuple[str, str]]], ...]
    comparisons: tuple[Comparison, ...]
    classes: tuple[ClassRow, ...]
    measures: tuple[MeasureRow, ...]
    routing: Routing | None
    shares: tuple[Shape, ...]
    latency: Histogram | None
    drops: tuple[tuple[str, int, str], ...]
    drop_marks: str
    unanswered: tuple[str, ...]
    quality: Lines | None

    @property
    def colours(self) -> dict[str, str]:
        """The colour of every class, by name."""
        return {item["name"]: "#{:02x}{:02x}{:02x}".format(*item["color"]) for item in self.model["classes"]}

    @property
    def frames(self) -> int:
        """The number of frames read."""
        return len(self.timeline.time_T)


def section(anchor: str, camera: Metrics, run: Metrics, model: Metrics, moments: Sequence[Moment]) -> Section:
    """Prepare everything that the report shows of one camera and one model."""
    timeline = Timeline(camera["frames"]["time_s"]) if camera["frames"]["time_s"] else Timeline([0.0])
    columns = run["frames"]
    states = np.array([state != "answered" for state in columns["state"]], bool)
    every = [(camera, run)]
    return Section(
        anchor=anchor,
        camera=camera,
        run=run,
        model=model,
        timeline=timeline,
        moments=tuple(_shown(number, moment, camera, timeline) for number, moment in enumerate(moments, 1)),
        scores=tuple(
            (name, row["frames"], list(zip(cells(row), judgements(row), strict=True)))
            for name, row in run["weathers"].items()
        ),
        comparisons=tuple(scores_of(every)),
        classes=tuple(_classes(run, model)),
        measures=tuple(_measures(timeline, every)),
        routing=_routing(timeline, camera, run, model),
        shares=timeline.areas(_by_mean(columns["class_share"])) if timeline.drawable and columns["class_share"] else (),
        latency=_latency(camera, run),
        drops=tuple(_drops(run)),
        drop_marks=timeline.marks(states) if timeline.drawable and states.any() else "",
        unanswered=tuple(_unanswered(camera, run, states)),
        quality=_quality(timeline, columns),
    )


def colour_of(name: str, names: Sequence[str]) -> str:
    """The colour of a weather, the same wherever it is shown."""
    known = COLOURS.get(name.casefold())
    return known or SPARE_COLOURS[(list(names).index(name) if name in names else 0) % len(SPARE_COLOURS)]


def column(values: Sequence[float | None]) -> Column:
    """A column of metrics.json as numbers, NaN for null."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def stamp_in_words(stamp_ns: int) -> str:
    """As in `2026-03-01 08:15:02.250 UTC`; the seconds alone of a stamp in the first day of 1970."""
    seconds = stamp_ns / 1e9
    if seconds < 86400:
        return f"stamp {seconds:.3f} s"
    moment = datetime.fromtimestamp(stamp_ns // 1_000_000_000, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{stamp_ns % 1_000_000_000 // 1_000_000:03d} UTC"


def _shown(number: int, moment: Moment, camera: Metrics, timeline: Timeline) -> Shown:
    time = clock(camera["frames"]["time_s"][moment.place], 0.01)
    return Shown(number, moment, timeline.at(moment.place), time, stamp_in_words(moment.stamp_ns))


def _by_mean(shares: Mapping[str, Sequence[float | None]]) -> dict[str, Column]:
    """The classes that occur, the largest first, so that it is at the bottom."""
    columns = {name: column(values) for name, values in shares.items()}
    means = {name: float(np.nanmean(c)) for name, c in columns.items() if np.isfinite(c).any()}
    return {name: columns[name] for name in sorted(means, key=means.__getitem__, reverse=True) if means[name] > 0}


def _routing(timeline: Timeline, camera: Metrics, run: Metrics, model: Metrics) -> Routing | None:
    """None for a model that does not route, and without two answered frames."""
    weather, gates = run["frames"]["weather"], run["frames"]["gates"]
    names = len(model["weathers"]) > 1
    if not timeline.drawable or not (names or gates) or not run["counts"]["answered"]:
        return None
    columns = {name: column(values) for name, values in weather.items()} if names else {}
    rows_GT = np.array([column(values) for values in gates.values()]) if gates else np.zeros((0, 1))
    most = max(1.0, float(np.nanmax(rows_GT))) if gates and np.isfinite(rows_GT).any() else 1.0
    seen = dominant_of(columns) if columns else []
    return Routing(
        weathers=timeline.areas(columns) if columns else (),
        truth=timeline.bands(camera["frames"]["weather"]),
        seen=timeline.bands(seen) if columns else (),
        gates=tuple(gates),
        strip=timeline.strip(rows_GT, most) if gates else "",
        most=most,
    )


def dominant_of(columns: Mapping[str, Column]) -> list[str | None]:
    """The most probable weather of every frame, or `unknown`, as in `dominant`; None for a frame without an answer."""
    names, values_KT = [*columns, UNKNOWN], np.stack(list(columns.values()))
    best_T = np.where((values_KT > 0).any(axis=0), np.nan_to_num(values_KT).argmax(axis=0), len(columns))
    best_T = np.where(np.isfinite(values_KT).all(axis=0), best_T, -1)
    return [names[best] if best >= 0 else None for best in best_T.tolist()]


def _classes(run: Metrics, model: Metrics) -> Iterator[ClassRow]:
    scores = run["degraded"] or run["all"]
    if not scores or not scores["iou_refined"]:
        return
    total = sum(scores["pixels"].values()) or 1
    for item in model["classes"]:
        name = item["name"]
        yield ClassRow(
            name,
            "#{:02x}{:02x}{:02x}".format(*item["color"]),
            scores["iou_base"].get(name),
            scores["iou_refined"].get(name),
            scores["pixels"].get(name, 0) / total,
        )


def _measures(timeline: Timeline, every: Sequence[tuple[Metrics, Metrics]]) -> Iterator[MeasureRow]:
    measures = every[0][1]["frames"]["measures"]
    changes = {item.key: item for item in measures_of(every)}
    for measure in MEASURES:
        if measure.key in changes:
            sides = {
                name: measure.scale * column(measures[measure.key][side])
                for name, side in (("restored", "restored"), ("camera", "input"))
                if side in measures[measure.key]
            }
            yield MeasureRow(measure, changes[measure.key], timeline.lines(sides, 10 ** (1 - measure.digits)))


def _latency(camera: Metrics, run: Metrics) -> Histogram | None:
    figures = run["latency_ms"]
    marks = {"median": figures["p50"], "p95": figures["p95"], "time between frames": period_ms(camera)}
    return histogram([value for value in run["frames"]["latency_ms"] if value is not None], marks)


def _drops(run: Metrics) -> Iterator[tuple[str, int, str]]:
    for reason, count in sorted(run["counts"]["dropped"].items(), key=lambda item: -item[1]):
        yield reason, count, run["drop_examples"].get(reason, "")


def _unanswered(camera: Metrics, run: Metrics, states: NDArray[np.bool_]) -> Iterator[str]:
    """The first frames without an answer, in words."""
    for place in np.flatnonzero(states)[:SHOWN_DROPS]:
        time = clock(camera["frames"]["time_s"][place], 0.01)
        reason = run["frames"]["state"][place].replace("_", " ")
        yield f"{time} ({stamp_in_words(camera['frames']['stamp_ns'][place])}): {reason}"


def _quality(timeline: Timeline, columns: Metrics) -> Lines | None:
    """PSNR over time; frames that are identical to the truth before or after have no part in it."""
    sides = {"restored": column(columns["psnr_restored"]), "camera": column(columns["psnr_input"])}
    beyond = np.max(list(sides.values()), axis=0) >= PSNR_CEILING_DB
    shown = {name: np.where(beyond, np.nan, values) for name, values in sides.items()}
    if not timeline.drawable or not np.isfinite(shown["restored"]).any():
        return None
    return timeline.lines(shown)
