"""Puts a finished run into the form of metrics.json, which metrics.schema.json describes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from weather_perception.core.contract import Manifest
from weather_perception.replay.camera import CameraLog
from weather_perception.replay.columns import Columns
from weather_perception.replay.coverage import notes_on
from weather_perception.replay.evaluation import MEASURE, Evaluation, TruthLog
from weather_perception.replay.frames import Source
from weather_perception.replay.recording import Recording
from weather_perception.replay.scores import pooled

SCHEMA = 1
DAY_NS = 24 * 3600 * 1_000_000_000
FIGURES = (
    "latency_ms", "confidence", "psnr_input", "psnr_restored", "ssim_input", "ssim_restored", "miou_base",
    "miou_refined",
)  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A model as it runs: a short unique name, its file, its device setting and its manifest."""

    id: str
    file: str
    device: str
    manifest: Manifest


@dataclass
class CameraResults:
    """Everything found out about one camera; a recording, a manifest and an evaluation for each model."""

    source: Source
    log: CameraLog
    recordings: Sequence[Recording]
    manifests: Sequence[Manifest]
    truth: TruthLog
    evaluations: Sequence[Evaluation]
    limited: bool = False
    """Whether frames were left out on purpose."""


def document(
    replay: Mapping[str, Any], machine: Mapping[str, Any], models: Sequence[Model], cameras: Sequence[CameraResults]
) -> dict[str, Any]:
    """The contents of metrics.json, with no limits judged yet; `replay` and `machine` as the schema has them."""
    ran = cameras[0].recordings if cameras else ()
    return {
        "schema": SCHEMA,
        "replay": dict(replay),
        "machine": dict(machine),
        "models": [model_facts(model, recording) for model, recording in zip(models, ran, strict=True)],
        "cameras": [_camera(camera, models) for camera in cameras],
        "limits": [],
    }


def model_facts(model: Model, recording: Recording) -> dict[str, Any]:
    """What is to be said about a model, and about the engine that ran it."""
    manifest = model.manifest
    licence = manifest.training.get("licence")
    return {
        "id": model.id,
        "name": manifest.name,
        "sha256": recording.model_sha256,
        "file": model.file,
        "engine": recording.engine,
        "device": model.device,
        "licence": licence if isinstance(licence, str) else None,
        "classes": [{"name": item.name, "color": list(item.color)} for item in manifest.classes],
        "weathers": list(manifest.weathers),
        "gates": list(manifest.gates),
    }


def _camera(camera: CameraResults, models: Sequence[Model]) -> dict[str, Any]:
    source, log = camera.source, camera.log
    runs = zip(models, camera.recordings, camera.evaluations, strict=True)
    return {
        "recording": source.recording,
        "kind": source.kind,
        "topic": source.topic,
        "name": source.name,
        "sizes": [{"width": w, "height": h, "frames": count} for (w, h), count in log.sizes.most_common()],
        "encodings": dict(log.encodings),
        "counts": {
            "recorded": source.recorded,
            "read": log.read,
            "undecodable": len(log.problems),
            "limited": camera.limited,
            "damaged": source.damaged,
        },
        "span": _span(log),
        "frames": {
            "stamp_ns": list(log.stamps_ns),
            "time_s": [round((play_ns - log.plays_ns[0]) / 1e9, 6) for play_ns in log.plays_ns],
            "weather": camera.truth.weathers,
            "problem": [log.problems.get(place) for place in range(log.read)],
        },
        "truth": {
            "frames": {kind: count for kind, count in camera.truth.frames.items() if count},
            "unused": {
                reason: {"frames": count, "example": camera.truth.unused.examples[reason]}
                for reason, count in camera.truth.unused.frames.items()
            },
        },
        "notes": notes_on(source.notes, source.recorded, log.read, camera.limited),
        "runs": [_run(log, model, recording, evaluation) for model, recording, evaluation in runs],
    }


def _span(log: CameraLog) -> dict[str, Any] | None:
    if not log.read:
        return None
    first, last = log.stamps_ns[0], log.stamps_ns[-1]
    return {
        "first_stamp_ns": first,
        "last_stamp_ns": last,
        "first_utc": _utc(first),
        "last_utc": _utc(last),
        "duration_s": (log.plays_ns[-1] - log.plays_ns[0]) / 1e9,
    }


def _utc(stamp_ns: int) -> str | None:
    """ISO 8601; None for a stamp in the first day of 1970, which counts from the start of something else."""
    if stamp_ns < DAY_NS:
        return None
    return datetime.fromtimestamp(stamp_ns / 1e9, timezone.utc).isoformat(timespec="milliseconds")


def _run(log: CameraLog, model: Model, recording: Recording, evaluation: Evaluation) -> dict[str, Any]:
    weathers, labels = evaluation.weathers, evaluation.labels
    return {
        "model": model.id,
        "counts": {"sent": recording.sent, "answered": len(recording.answers), "dropped": dict(recording.drops)},
        "drop_examples": dict(recording.drop_examples),
        "latency_ms": _latency(recording),
        "speed": {
            "frames_per_second": recording.frames_per_second,
            "engine_frames_per_second": recording.engine_frames_per_second,
            "times_real_time": recording.times_real_time,
        },
        "dominant_weather_frames": dict(evaluation.dominant) if model.manifest.names_weather else {},
        "weathers": {name: scores.as_dict(labels) for name, scores in weathers.items()},
        "degraded": pooled(evaluation.degraded()).as_dict(labels) if weathers else None,
        "all": pooled(weathers.values()).as_dict(labels) if weathers else None,
        "detector": evaluation.detector.as_dict() if evaluation.detector else None,
        "frames": _columns(log, recording, evaluation),
    }


def _latency(recording: Recording) -> dict[str, float | None]:
    latencies = np.array([1000 * answer.latency_s for answer in recording.answers.values()])
    if not len(latencies):
        return dict.fromkeys(("p50", "p90", "p95", "p99", "mean", "max"))
    found: dict[str, float | None] = {
        f"p{percent}": float(np.percentile(latencies, percent)) for percent in (50, 90, 95, 99)
    }
    return found | {"mean": float(latencies.mean()), "max": float(latencies.max())}


def _columns(log: CameraLog, recording: Recording, evaluation: Evaluation) -> dict[str, Any]:
    columns = evaluation.columns
    states = (
        "answered" if place in recording.answers else recording.lost.get(place, "unanswered")
        for place in range(log.read)
    )
    return {
        "state": list(states),
        "weather": columns.below("weather."),
        "gates": columns.below("gate."),
        "class_share": columns.below("share."),
        "measures": _measures(columns),
    } | {name: columns.get(name) for name in FIGURES}


def _measures(columns: Columns) -> dict[str, dict[str, list[float | None]]]:
    """The measures without ground truth, by name and side."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for key, values in columns.below(f"{MEASURE}.").items():
        name, _, side = key.rpartition(".")
        found.setdefault(name, {})[side] = values
    return found
