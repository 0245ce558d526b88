"""The node's diagnostic_msgs: its state and its cameras' on /diagnostics, and one frame's routing on ~/weather."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from weather_perception.core import behaviour
from weather_perception.core.health import PERCENTS, Finding, HealthReport, Level
from weather_perception.core.pipeline import Perception
from weather_perception.routing import STATUS, below, routing_values

DROP_PREFIX = "drops."
RECENT_DROP_PREFIX = "recent_drops."
FRAMES_PREFIX = "frames."
STAGE_PREFIX = "stage."
INPUT_TOPIC = "input_topic"
"""Of the keys that the node adds, the one that replay reads."""

# A byte: a bare number would publish a random one.
_LEVELS = {
    Level.OK: DiagnosticStatus.OK,
    Level.WARN: DiagnosticStatus.WARN,
    Level.STALE: DiagnosticStatus.STALE,
    Level.ERROR: DiagnosticStatus.ERROR,
}
# Keys of /diagnostics that are fields of HealthReport, by type.
_COUNTS = ("frames_received", "frames_answered", "frames_passed_through", "lost_before_node")
_TEXTS = ("model_name", "model_hash", "engine", "dominant_weather", "last_drop", "failure")
_RATES = ("input_rate_hz", "output_rate_hz")
_MAYBE = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "seconds_since_input", "frame_age_ms")
_NONE = "none"


def weather_to_msg(
    perception: Perception, model: str, header: Any, weather: str = "", novelty_warning: float = 1.0
) -> DiagnosticArray:
    """The routing of one frame, under the frame's own stamp and frame id.

    weather: the dominant one, if not the perception's own. WARN if the model's novelty is at least `novelty_warning`.
    """
    status = DiagnosticStatus(
        level=_LEVELS[_novelty_level(perception, novelty_warning)],
        name=STATUS,
        message=weather or perception.dominant_weather,
        hardware_id=model,
        values=_pairs(routing_values(perception)),
    )
    return DiagnosticArray(header=header, status=[status])


def _novelty_level(perception: Perception, warning: float) -> Level:
    novelty = behaviour.novelty(perception)
    return Level.WARN if novelty is not None and novelty >= warning else Level.OK


def status_name(node: str, camera: str, what: str) -> str:
    """As in `restore_node: health`, or `restore_node: front: health` for a named camera."""
    return ": ".join(filter(None, (node.lstrip("/"), camera, what)))


def health_status_name(node: str, camera: str = "") -> str:
    """The status name under which a node (fully qualified name) reports a camera's health."""
    return status_name(node, camera, "health")


def lifecycle_to_status(node: str, state: str) -> DiagnosticStatus:
    """The lifecycle state of a node (fully qualified name): WARN unless active, since only then it answers frames."""
    level = DiagnosticStatus.OK if state == "active" else DiagnosticStatus.WARN
    return DiagnosticStatus(level=level, name=status_name(node, "", "lifecycle"), message=state)


def findings_to_status(
    name: str, findings: Iterable[Finding], good: str, values: Mapping[str, str] | None = None, hardware: str = ""
) -> DiagnosticStatus:
    """Findings as one status: the worst level and every text, the worst first; OK and `good` without one."""
    found = sorted(findings, key=lambda finding: -finding.level)
    return DiagnosticStatus(
        level=_LEVELS[found[0].level if found else Level.OK],
        name=name,
        message="; ".join(dict.fromkeys(finding.text for finding in found)) or good,
        hardware_id=hardware,
        values=_pairs(values or {}),
    )


def health_to_status(
    report: HealthReport, name: str, findings: Iterable[Finding], extra: Mapping[str, str] | None = None
) -> DiagnosticStatus:
    """A report as one status, with the findings of the caller, which also adds keys (`extra`)."""
    values = {key: getattr(report, key) for key in _TEXTS}
    values |= {key: str(getattr(report, key)) for key in _COUNTS}
    values |= {key: f"{getattr(report, key):.3f}" for key in _RATES}
    values |= {key: _NONE if getattr(report, key) is None else f"{getattr(report, key):.3f}" for key in _MAYBE}
    values["drops_total"] = str(report.drops_total)
    for stage, percentiles in report.stages.items():
        values |= {
            f"{STAGE_PREFIX}{stage}_p{percent}_ms": f"{value:.3f}"
            for percent, value in zip(PERCENTS, percentiles, strict=True)
        }
    for prefix, counts in (
        (DROP_PREFIX, report.drops),
        (RECENT_DROP_PREFIX, report.recent_drops),
        (FRAMES_PREFIX, report.weather_frames),
    ):
        values |= {prefix + key: str(count) for key, count in counts.items()}
    values |= extra or {}
    return findings_to_status(name, findings, f"{report.output_rate_hz:.1f} frames/s", values, report.model_name)


def routing_to_status(name: str, perception: Perception, weather: str, novelty_warning: float) -> DiagnosticStatus:
    """What the network made of the last frame: weather, its probability and entropy, novelty and every gate."""
    novelty = behaviour.novelty(perception)
    values = {
        "dominant_weather": weather,
        "probability": f"{perception.weather.get(weather, 0.0):.3f}",
        "entropy": f"{behaviour.entropy(perception):.3f}",
        "novelty": _NONE if novelty is None else f"{novelty:.3f}",
    }
    text = f"{values['novelty']} novelty: the frame looks unlike anything the model was trained on"
    found = [Finding(Level.WARN, text)] if _novelty_level(perception, novelty_warning) else []
    return findings_to_status(name, found, weather, values | routing_values(perception))


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
        stages=_stages(below(STAGE_PREFIX, values)),
        drops=_counts(DROP_PREFIX, values),
        recent_drops=_counts(RECENT_DROP_PREFIX, values),
        weather_frames=_counts(FRAMES_PREFIX, values),
    )


def _stages(values: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    names = dict.fromkeys(key.partition("_p")[0] for key in values)
    return {name: tuple(float(values[f"{name}_p{percent}_ms"]) for percent in PERCENTS) for name in names}


def _pairs(values: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value) for key, value in values.items()]


def _counts(prefix: str, values: Mapping[str, str]) -> dict[str, int]:
    return {key: int(value) for key, value in below(prefix, values).items()}
