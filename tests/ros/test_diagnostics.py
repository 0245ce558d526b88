"""What is written into diagnostics can be read back: the messages are an interface."""

import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ros import image_msg
from weather_perception.core.health import STAGES, Finding, HealthReport, Level
from weather_perception.core.pipeline import Perception
from weather_perception.diagnostics import (
    findings_to_status,
    health_from_status,
    health_to_status,
    routing_to_status,
    weather_to_msg,
)
from weather_perception.routing import weather_from_msg

names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
counts = st.dictionaries(names, st.integers(1, 10**9), max_size=4)
measures = st.integers(0, 10**9).map(lambda thousandths: thousandths / 1000)
reports = st.builds(
    HealthReport,
    model_name=names,
    model_hash=names,
    engine=names,
    frames_received=st.integers(0, 10**12),
    frames_answered=st.integers(0, 10**12),
    input_rate_hz=measures,
    output_rate_hz=measures,
    latency_p50_ms=st.none() | measures,
    latency_p95_ms=st.none() | measures,
    latency_p99_ms=st.none() | measures,
    stages=st.dictionaries(st.sampled_from(STAGES), st.tuples(measures, measures, measures)),
    frame_age_ms=st.none() | measures,
    lost_before_node=st.integers(0, 10**12),
    failure=names,
    seconds_since_input=st.none() | measures,
    drops=counts,
    recent_drops=counts,
    last_drop=st.text(max_size=30),
    dominant_weather=names,
    weather_frames=counts,
)


@given(reports)
def test_a_report_survives_the_way_there_and_back(report: HealthReport) -> None:
    status = health_to_status(report, "node: health", report.findings(2.0), {"input_topic": "/image"})
    assert health_from_status(status) == report
    assert (status.level == DiagnosticStatus.OK) == (not report.findings(2.0))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((), DiagnosticStatus.OK),
        ((Level.WARN,), DiagnosticStatus.WARN),
        ((Level.WARN, Level.STALE), DiagnosticStatus.STALE),
        ((Level.STALE, Level.ERROR, Level.WARN), DiagnosticStatus.ERROR),
    ],
)
def test_the_worst_finding_gives_the_level_and_comes_first(levels: tuple[Level, ...], expected: bytes) -> None:
    status = findings_to_status("name", [Finding(level, level.name) for level in levels], "good")
    assert status.level == expected
    assert status.message == ("; ".join(sorted((level.name for level in levels), key=ORDER.index)) or "good")


ORDER = ["ERROR", "STALE", "WARN"]


@pytest.mark.parametrize(("novelty", "level"), [(0.49, DiagnosticStatus.OK), (0.5, DiagnosticStatus.WARN)])
def test_a_frame_unlike_the_training_data_warns(novelty: float, level: bytes) -> None:
    pixel = np.zeros((1, 1), np.uint8)
    perception = Perception(np.zeros((1, 1, 3), np.uint8), pixel, pixel, {"fog": 1.0}, {"novelty": novelty}, 0.01)
    status = routing_to_status("node: routing", perception, "fog", 0.5)
    assert status.level == level
    assert {item.key: item.value for item in status.values}["novelty"] == f"{novelty:.3f}"
    assert weather_to_msg(perception, "tiny", image_msg().header, "fog", 0.5).status[0].level == level


def test_a_status_without_a_key_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'other': key frames_received is missing"):
        health_from_status(DiagnosticStatus(name="other"))


@given(st.dictionaries(names, st.floats(0, 1, width=32), min_size=1), st.dictionaries(names, st.floats(0, 1, width=32)))
def test_routing_survives_the_way_there_and_back(weather: dict[str, float], gates: dict[str, float]) -> None:
    pixel = np.zeros((1, 1), np.uint8)
    perception = Perception(np.zeros((1, 1, 3), np.uint8), pixel, pixel, weather, gates, 0.01)
    header = image_msg(sec=5).header
    msg = weather_to_msg(perception, "tiny", header)
    assert msg.header == header
    reading = weather_from_msg(msg)
    assert (reading.model, reading.dominant) == ("tiny", perception.dominant_weather)
    for read, written in ((reading.weather, weather), (reading.gates, gates)):
        assert read.keys() == written.keys()
        assert all(math.isclose(read[key], written[key], abs_tol=1e-6) for key in written)


def test_a_message_without_routing_is_refused() -> None:
    other = DiagnosticArray(status=[DiagnosticStatus(name="battery", values=[KeyValue(key="volt", value="12")])])
    with pytest.raises(ValueError, match="no diagnostic status named 'weather'"):
        weather_from_msg(other)
