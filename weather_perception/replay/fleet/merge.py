"""Merges the metrics.json of every recording into fleet.json, one at a time, so that memory does not grow with them."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from weather_perception.core.pipeline import UNKNOWN
from weather_perception.replay.coverage import verdict
from weather_perception.replay.document import SCHEMA as METRICS_SCHEMA
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.folder import RECORDINGS, Failure, Folder
from weather_perception.replay.fleet.plan import Planned
from weather_perception.replay.fleet.tally import Part, Tally
from weather_perception.replay.limits import in_words
from weather_perception.replay.recording import METRICS, REPORT
from weather_perception.replay.section import column, dominant_of

SCHEMA = 1
GROUPED = ("vehicle", "weather", "route")


@dataclass
class Merged:
    """The tallies of the fleet, and a short row for each recording."""

    every: Tally = field(default_factory=Tally)
    by: dict[str, dict[str, Tally]] = field(default_factory=lambda: {name: defaultdict(Tally) for name in GROUPED})
    models: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    machines: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    rows: list[dict[str, Any]] = field(default_factory=list)


def merge(planned: Sequence[Planned], folder: Folder) -> Merged:
    """Add up what is there; recordings without results are rows that say why."""
    merged = Merged()
    for one in planned:
        failure = folder.failure(one.name)
        document = None
        if failure is None and folder.finished(one.name):
            document, failure = _read(folder, one.name)
        merged.rows.append(_row(one, failure) if document is None else _add(merged, one, document))
    return merged


def contents(merged: Merged, fleet: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of fleet.json; `fleet` as its schema has it."""
    states = Counter(row["state"] for row in merged.rows)
    return {
        "schema": SCHEMA,
        "fleet": dict(fleet),
        "counts": {
            "recordings": len(merged.rows),
            "finished": states["finished"],
            "failed": states["failed"],
            "waiting": states["waiting"],
            "incomplete": sum(row["incomplete"] for row in merged.rows),
            "below_limit": sum(bool(row["below_limit"]) for row in merged.rows),
        },
        "models": [
            {"name": name, "sha256": sha256, "engine": engine, "recordings": count}
            for (name, sha256, engine), count in merged.models.most_common()
        ],
        "machines": [
            {"cpu": cpu, "gpu": gpu, "recordings": count} for (cpu, gpu), count in merged.machines.most_common()
        ],
        "all": merged.every.as_dict(),
        "by": {
            key: {name: tally.as_dict() for name, tally in sorted(tallies.items())}
            for key, tallies in merged.by.items()
        },
        "recordings": merged.rows,
    }


def exit_code(document: Mapping[str, Any]) -> ExitCode:
    """What the run deserves: the gravest thing that is wrong with any recording."""
    counts = document["counts"]
    if counts["failed"] or counts["waiting"]:
        return ExitCode.FAILED
    if not document["all"]["answered"]:
        return ExitCode.NOTHING_ANSWERED
    if counts["below_limit"]:
        return ExitCode.BELOW_LIMIT
    return ExitCode.INCOMPLETE if counts["incomplete"] else ExitCode.DONE


def _read(folder: Folder, name: str) -> tuple[dict[str, Any] | None, Failure | None]:
    path = folder.of(name) / METRICS
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        if document["schema"] != METRICS_SCHEMA:
            raise ValueError(f"schema {document['schema']}, expected {METRICS_SCHEMA}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, Failure(ExitCode.FAILED, f"{path} cannot be merged ({error}); delete it, and run again", 0, "")
    return document, None


def _add(merged: Merged, one: Planned, document: dict[str, Any]) -> dict[str, Any]:
    """Add a recording to its groups; returns its row."""
    whole, by_weather = _parts(document)
    merged.every.add(whole)
    merged.by["vehicle"][one.vehicle or UNKNOWN].add(whole)
    merged.by["route"][one.route or UNKNOWN].add(whole)
    for name, part in by_weather.items():
        merged.by["weather"][name].add(part)
    model, machine = document["models"][0], document["machine"]
    merged.models[model["name"], model["sha256"], model["engine"]] += 1
    merged.machines[machine["cpu"], machine["gpu"]] += 1
    alone = Tally()
    alone.add(whole)
    code, _ = verdict(document)
    figures = alone.as_dict()
    del figures["recordings"]
    return _row(one, None) | figures | {
        "state": "finished",
        "report": quote(f"{RECORDINGS}/{one.name}/{REPORT}", errors="surrogateescape"),
        "incomplete": code == ExitCode.INCOMPLETE,
        "below_limit": [in_words(limit) for limit in document["limits"] if not limit["passed"]],
        "notes": [note for camera in document["cameras"] for note in camera["notes"]],
        "weather_frames": {name: part.answered for name, part in by_weather.items()},
    }  # fmt: skip


def _parts(document: Mapping[str, Any]) -> tuple[Part, dict[str, Part]]:
    """All frames of the first model, and the answered ones by the weather that the model saw most of."""
    whole, by_weather = Part(), defaultdict[str, Part](Part)
    for camera in document["cameras"]:
        run = camera["runs"][0]
        whole.sent += run["counts"]["sent"]
        whole.answered += run["counts"]["answered"]
        whole.dropped.update(run["counts"]["dropped"])
        whole.add(run["frames"])
        if not run["dominant_weather_frames"]:
            continue  # nothing was answered, or the model does not tell weathers apart
        columns = {name: column(values) for name, values in run["frames"]["weather"].items()}
        seen_T = np.array(dominant_of(columns), object)
        for name in (*columns, UNKNOWN):
            of_group = seen_T == name
            if of_group.any():
                part = by_weather[name]
                part.sent = part.answered = part.answered + int(of_group.sum())
                part.add(run["frames"], of_group)
    return whole, dict(by_weather)


def _row(one: Planned, failure: Failure | None) -> dict[str, Any]:
    """A recording without results."""
    return {
        "name": one.name,
        "path": str(one.path),
        "vehicle": one.vehicle,
        "route": one.route,
        "state": "failed" if failure else "waiting",
        "failure": None if failure is None else asdict(failure),
        "report": None,
        "incomplete": False,
        "below_limit": [],
        "notes": [],
        "weather_frames": {},
        **{key: value for key, value in Tally().as_dict().items() if key != "recordings"},
    }
