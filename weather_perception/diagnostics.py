"""The node's diagnostic_msgs: its health and lifecycle on /diagnostics, and one frame's routing on ~/weather."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from weather_perception.core.health import HealthReport
from weather_perception.core.pipeline import Perception
from weather_perception.routing import STATUS, below, routing_values

DROP_PREFIX = "drops."
RECENT_DROP_PREFIX = "recent_drops."
FRAMES_PREFIX = "frames."
INPUT_TOPIC = "input_topic"
"""Of the keys that the node adds, the one that replay reads."""

# Keys of /diagnostics that are fields of HealthReport, by type.
_COUNTS = ("frames_received", "frames_answered")
_TEXTS = ("model_name", "model_hash", "engine", "dominant_weather", "last_drop")
_RATES = ("input_rate_hz", "output_rate_hz")
_MAYBE = ("latency_p50_ms", "latency_p95_ms", "seconds_since_input")
_NONE = "none"


def weather_to_msg(perception: Perception, model: str, header: Any) -> DiagnosticArray:
    """The routing of one frame, under the frame's own stamp and frame id."""
    status = DiagnosticStatus(
        level=DiagnosticStatus.OK,
        name=STATUS,
        message=perception.dominant_weather,
        hardware_id=model,
        values=_pairs(routing_values(perception)),
    )
    return DiagnosticArray(header=header, status=[status])


def health_status_name(node: str) -> str:
    """The status name under which a node (fully qualified name) reports its health."""
    return f"{node.lstrip('/')}: health"


def lifecycle_to_status(node: str, state: str) -> DiagnosticStatus:
    """The lifecycle state of a node (fully qualified name): WARN unless active, since only then it answers frames."""
    level = DiagnosticStatus.OK if state == "active" else DiagnosticStatus.WARN
    return DiagnosticStatus(level=level, name=f"{node.lstrip('/')}: lifecycle", message=state)


def health_to_status(
    report: HealthReport, name: str, input_timeout: float, extra: Mapping[str, str] | None = None
) -> DiagnosticStatus:
    """A report as one status: WARN with the reasons in its message, or OK. `extra` adds the caller's keys."""
    warnings = report.warnings(input_timeout)
    values = {key: getattr(report, key) for key in _TEXTS}
    values |= {key: str(getattr(report, key)) for key in _COUNTS}
    values |= {key: f"{getattr(report, key):.3f}" for key in _RATES}
    values |= {key: _NONE if getattr(report, key) is None else f"{getattr(report, key):.3f}" for key in _MAYBE}
    values["drops_total"] = str(report.drops_total)
    for prefix, counts in (
        (DROP_PREFIX, report.drops),
        (RECENT_DROP_PREFIX, report.recent_drops),
        (FRAMES_PREFIX, report.weather_frames),
    ):
        values |= {prefix + key: str(count) for key, count in counts.items()}
    values |= extra or {}
    return DiagnosticStatus(
        level=DiagnosticStatus.WARN if warnings else DiagnosticStatus.OK,
        name=name,
        message="; ".join(warnings) or f"{report.output_rate_hz:.1f} frames/s",
        hardware_id=report.model_name,
        values=_pairs(values),
    )


def health_from_status(status: Any) -> HealthReport:
    """Read a status of `health_to_status` back (rclpy's or rosbags'); raises ValueError that names a missing key."""
    values = {item.key: item.value for item in status.values}
    missing = [key for key in (*_COUNTS, *_TEXTS, *_RATES, *_MAYBE) if key not in values]
    if missing:
        raise ValueError(f"diagnostic status {status.name!r}: key {missing[0]} is missing")
    fields: dict[str, Any] = {key: int(values[key]) for key in _COUNTS}
    fields |= {key: values[key] for key in _TEXTS}
    fields |= {key: float(values[key]) for key in _RATES}
    fields |= {key: None if values[key] == _NONE else float(values[key]) for key in _MAYBE}
    return replace(
        HealthReport(**fields),
        drops=_counts(DROP_PREFIX, values),
        recent_drops=_counts(RECENT_DROP_PREFIX, values),
        weather_frames=_counts(FRAMES_PREFIX, values),
    )


def _pairs(values: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value) for key, value in values.items()]


def _counts(prefix: str, values: Mapping[str, str]) -> dict[str, int]:
    return {key: int(value) for key, value in below(prefix, values).items()}
