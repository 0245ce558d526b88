"""Renders the report: one HTML file with everything in it, made of metrics.json and the chosen moments."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from weather_perception.replay.comparison import measures_of, scores_of
from weather_perception.replay.metrics import COLUMNS
from weather_perception.replay.moments import Moment
from weather_perception.replay.section import Section, colour_of, section, stamp_in_words
from weather_perception.replay.verdict import Metrics, cautions, period_ms, span_of, speed_in_words, verdict

if TYPE_CHECKING:
    from weather_perception.replay.document import CameraResults

Moments = Mapping[tuple[int, int], Sequence[Moment]]
"""The moments to show, by the places of the camera and of the model in metrics.json."""

ASSETS = "assets"


def write_report(path: Path, metrics: Metrics, results: "Sequence[CameraResults]") -> None:
    """Write the report about a run: the contents of metrics.json, and the moments that were chosen."""
    moments = {
        (camera, model): evaluation.moments
        for camera, result in enumerate(results)
        for model, evaluation in enumerate(result.evaluations)
    }
    path.write_text(render_report(metrics, moments), encoding="utf-8")


def render_report(metrics: Metrics, moments: Moments) -> str:
    """The report as HTML that can be written as UTF-8, whatever bytes the paths have."""
    environment = templates()
    sections = [
        section(f"c{c}m{m}", camera, run, metrics["models"][m], moments.get((c, m), ()))
        for c, camera in enumerate(metrics["cameras"])
        for m, run in enumerate(camera["runs"])
    ]
    page = environment.get_template("report.html.j2").render(
        metrics=metrics,
        title=_title(metrics),
        verdict=verdict(metrics),
        cautions=cautions(metrics),
        facts=_facts(metrics),
        columns=[name for name, _, _ in COLUMNS],
        sections=sections,
        overall=_overall(metrics) if len(metrics["cameras"]) > 1 else [],
        heading=lambda one: _heading(one, metrics),
        colour_of=colour_of,
        css=asset(environment, "report.css"),
        js=asset(environment, "report.js"),
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def templates() -> Environment:
    """The templates of this folder's pages, with the filters that they use."""
    environment = Environment(
        loader=PackageLoader("weather_perception.replay", ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": lambda text: text.replace("_", " "), "figure": figure, "signed": signed}
    return environment


def figure(value: float | None, digits: int = 1) -> str:
    """A number with so many decimals, a dash for none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, typeset; no sign for what rounds to zero."""
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else ("+" if value > 0 else "−") + text


def asset(environment: Environment, name: str) -> Markup:
    """A file of ASSETS, to be part of a page as it is."""
    loader = environment.loader
    assert loader is not None, "the environment has a loader"
    return Markup(loader.get_source(environment, name)[0])


def _title(metrics: Metrics) -> str:
    recordings = list(dict.fromkeys(camera["recording"] for camera in metrics["cameras"]))
    if len(recordings) == 1:
        path = PurePath(recordings[0])
        return path.name if path.suffix else "/".join(path.parts[-2:])  # a bag is often called by its time alone
    return f"{len(recordings)} recordings"


def _heading(one: Section, metrics: Metrics) -> str:
    """What tells this section from the others; empty if there is one only."""
    many = len({camera["recording"] for camera in metrics["cameras"]}) > 1
    topic = one.camera["topic"]
    name = PurePath(one.camera["recording"]).name
    camera = (f"{name} {topic}" if many and topic else topic or name) if len(metrics["cameras"]) > 1 else ""
    model = one.model["id"] if len(metrics["models"]) > 1 else ""
    return ", ".join(text for text in (camera, model) if text)


def _facts(metrics: Metrics) -> list[tuple[str, list[str]]]:
    """What was run on what: names, and lines of text."""
    machine, run = metrics["machine"], metrics["replay"]
    cameras = metrics["cameras"]
    hardware = f"{machine['cpu']}, {machine['cores']} core{'s' * (machine['cores'] != 1)}"
    memory = f"{machine['memory_gib']:.0f} GiB of memory" if machine["memory_gib"] else ""
    systems = ", ".join(text for text in (machine["gpu"], memory, machine["os"]) if text)
    facts = [
        ("Recording", list(dict.fromkeys(camera["recording"] for camera in cameras))),
        ("Frames", _frames(cameras)),
        ("Recorded", _recorded(cameras)),
        ("Model", [_model(model) for model in metrics["models"]]),
        ("Run", [f"{run['mode']} mode, {', '.join(_speeds(cameras)) or 'no speed known'}", _when(run)]),
        ("Machine", [hardware, systems, f"Python {machine['python']}, PyTorch {machine['torch']}"]),
    ]
    return [(name, lines) for name, lines in facts if lines]


def _frames(cameras: Sequence[Metrics]) -> list[str]:
    answered, sent = (sum(camera["runs"][0]["counts"][key] for camera in cameras) for key in ("answered", "sent"))
    sizes = {(size["width"], size["height"]): None for camera in cameras for size in camera["sizes"]}
    encodings = {name: None for camera in cameras for name in camera["encodings"]}
    several = f", of {len(cameras)} cameras" if len(cameras) > 1 else ""
    said = [f"{answered} of {sent} answered{several}"]
    if sizes:
        shown = ", ".join(f"{width} × {height}" for width, height in sizes)
        said.append(f"{shown} (width × height){', ' + ', '.join(encodings) if encodings else ''}")
    return said


def _recorded(cameras: Sequence[Metrics]) -> list[str]:
    """How long and how fast each camera recorded, and from when to when all of them did."""
    spans = [camera["span"] for camera in cameras if camera["span"] is not None]
    said = list(dict.fromkeys(_pace(camera) for camera in cameras))
    dated = [span for span in spans if span["first_utc"]]
    if dated:
        first, last = min(span["first_stamp_ns"] for span in dated), max(span["last_stamp_ns"] for span in dated)
        said += [f"from {stamp_in_words(first)}", f"to {stamp_in_words(last)}"]
    elif spans:
        said.append("without a date: the stamps count from the start")
    return [text for text in said if text]


def _pace(camera: Metrics) -> str:
    period, length = period_ms(camera), span_of(camera)
    return ", ".join(text for text in (length, f"{1000 / period:.3g} frames a second" if period else "") if text)


def _model(model: Metrics) -> str:
    licence = f", licence {model['licence']}" if model["licence"] else ""
    return f"{model['id']}: engine {model['engine']}, device {model['device']}{licence}"


def _speeds(cameras: Sequence[Metrics]) -> list[str]:
    speeds = [camera["runs"][0]["speed"] for camera in cameras]
    rates = [speed["frames_per_second"] for speed in speeds if speed["frames_per_second"]]
    own_time = [camera for camera in cameras if camera["kind"] != "pictures"]
    times = [speed_in_words(camera["runs"][0]["speed"]["times_real_time"]) for camera in own_time]
    mean = [f"{sum(rates) / len(rates):.3g} frames a second"] if rates else []
    return mean + [text for text in times[:1] if text]


def _when(run: Metrics) -> str:
    return f"finished {run['finished_utc'][:16].replace('T', ' ')} UTC, weather_perception {run['version']}"


def _overall(metrics: Metrics) -> list[tuple[str, list[Any]]]:
    """Every model's comparisons over all cameras together."""
    found = []
    for place, model in enumerate(metrics["models"]):
        runs = [(camera, camera["runs"][place]) for camera in metrics["cameras"]]
        found.append((model["id"], [*scores_of(runs), *measures_of(runs)]))
    return found
