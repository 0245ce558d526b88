"""Reads a metrics.json of `replay` and holds it against its schema."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from weather_perception.replay.metrics import overview

SCHEMA = json.loads((files("weather_perception.replay") / "metrics.schema.json").read_text())


def read_metrics(out: Path) -> dict[str, Any]:
    """The metrics.json in a folder of results, checked."""
    metrics = json.loads((out / "metrics.json").read_text())
    check(metrics)
    return metrics


def figures_in(out: Path) -> dict[str, Any]:
    """The figures of the first model over the first camera."""
    metrics = read_metrics(out)
    camera = metrics["cameras"][0]
    return overview(metrics, camera, camera["runs"][0])


def closed(part: Any) -> Any:
    """The schema with no keys allowed but those that it names: whatever is written is documented."""
    if isinstance(part, dict):
        part = {key: closed(value) for key, value in part.items()}
        return part | {"additionalProperties": False} if "properties" in part and "$id" not in part else part
    return [closed(item) for item in part] if isinstance(part, list) else part


def check(metrics: dict[str, Any]) -> None:
    """Raise ValidationError unless metrics.json is as documented, and its columns are of one length."""
    Draft202012Validator(closed(SCHEMA)).validate(metrics)
    for camera in metrics["cameras"]:
        for columns in (camera["frames"], *(run["frames"] for run in camera["runs"])):
            assert {len(column) for column in _columns(columns)} == {camera["counts"]["read"]}


def _columns(part: Any) -> list[list]:
    if isinstance(part, list):
        return [part]
    return [column for value in part.values() for column in _columns(value)]
