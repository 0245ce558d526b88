"""Live mode: the real node in its own process answers frames over real DDS."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="live mode needs ROS 2's Python packages")

from tests.support.bags import Shot, open_reader, write_bag
from tests.support.metrics import figures_in, read_metrics
from weather_perception.core.engines import command
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.health import HealthReport
from weather_perception.core.program import open_program
from weather_perception.replay.cli import main
from weather_perception.replay.live import NodeProcess, account
from weather_perception.replay.recording import Answer, Recording
from weather_perception.routing import weather_from_msg


def test_every_frame_is_answered_and_malformed_ones_are_named(
    tmp_path: Path, drive: list[Shot], tiny_model: Path
) -> None:
    shots = [*drive[:6], replace(drive[6], fields={"step": 5}), *drive[7:]]
    bag = write_bag(tmp_path / "bag", shots)
    before = _dds_environment()
    arguments = ["--model", str(tiny_model), "--live", "--max-in-flight", "1", "--rate", "0.5"]
    assert main([str(bag), "--out", str(tmp_path / "live"), *arguments]) == 0
    assert _dds_environment() == before
    live = figures_in(tmp_path / "live")
    assert (live["frames_sent"], live["frames_received"]) == (10, 9)
    assert live["drops"] == {"wrong_step": 1}
    states = read_metrics(tmp_path / "live")["cameras"][0]["runs"][0]["frames"]["state"]
    assert states == ["answered"] * 6 + ["wrong_step"] + ["answered"] * 3
    assert live["model"] == {"name": "tiny", "sha256": open_program(tiny_model).sha256}
    assert (live["mode"], live["engine"]) == ("live", "torch")
    assert live["latency_ms"]["p95"] >= live["latency_ms"]["p50"] > 0
    assert 0 < live["speed"]["times_real_time"] < 0.55

    assert main([str(bag), "--out", str(tmp_path / "direct"), "--model", str(tiny_model)]) == 0
    direct = figures_in(tmp_path / "direct")
    assert live["weathers"] == direct["weathers"]
    assert _content(tmp_path / "live" / "output_bag") == _content(tmp_path / "direct" / "output_bag")


@pytest.mark.skipif(bool(OpenVino().missing("cpu")), reason=OpenVino().missing("cpu"))
def test_a_run_is_by_what_was_built_before_from_its_first_frame_on_and_by_nothing_else(
    tmp_path: Path,
    drive: list[Shot],
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bag = write_bag(tmp_path / "bag", drive[:3])
    common = ["--model", str(tiny_model), "--device", "cpu"]
    arguments = [str(bag), *common, "--live", "--max-in-flight", "1", "--engine", "openvino", "--out"]
    assert main([*arguments, str(tmp_path / "refused")]) == 1
    said = re.search(r"restore_node runs torch, not openvino.*: build_engine (.*)", capsys.readouterr().err)
    assert said and not EngineCache().entries()

    assert command.main(said[1].split()) == 0
    assert main([*arguments, str(tmp_path / "live")]) == 0
    metrics = figures_in(tmp_path / "live")
    assert (metrics["engine"], metrics["frames_received"], metrics["drops"]) == ("openvino", 3, {})


def test_a_node_that_fails_is_quoted(
    tmp_path: Path, drive: list[Shot], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", drive[:2])
    arguments = ["--model", str(tiny_model), "--live", "--device", "cuda:99"]
    assert main([str(bag), "--out", str(tmp_path / "out"), *arguments]) == 1
    said = capsys.readouterr().err
    assert "restore_node ended with exit code 1" in said
    assert "cuda:99" in said
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_frames_are_played_into_a_node_that_already_runs(tmp_path: Path, drive: list[Shot], tiny_model: Path) -> None:
    bag = write_bag(tmp_path / "bag", drive[:4])
    arguments = [str(bag), "--live", "--max-in-flight", "1", "--node", "/vehicle/restore_node", "--out"]
    parameters = {"model": str(tiny_model), "build": "false"}
    with NodeProcess("/vehicle", parameters, int(os.environ["ROS_DOMAIN_ID"]), tmp_path / "node.log"):
        assert main([*arguments, str(tmp_path / "out"), "--model", str(tiny_model)]) == 0
    metrics = figures_in(tmp_path / "out")
    assert (metrics["frames_sent"], metrics["frames_received"], metrics["drops"]) == (4, 4, {})


def test_a_node_that_is_not_there_is_waited_for_as_long_as_asked(
    tmp_path: Path, drive: list[Shot], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", drive[:1])
    arguments = ["--model", str(tiny_model), "--live", "--node", "/nobody", "--timeout", "0.5"]
    assert main([str(bag), "--out", str(tmp_path / "out"), *arguments]) == 1
    said = capsys.readouterr().err
    assert "waited 0.5 s for /nobody to report on /diagnostics; the nodes that are there: " in said


def test_every_missing_answer_has_a_reason() -> None:
    def health(received: int, answered: int, drops: dict[str, int]) -> HealthReport:
        return HealthReport("tiny", "", "torch", received, answered, 0.0, 0.0, None, None, None, drops)

    recording = Recording("live", "torch", "tiny", "", sent=10)
    recording.answers = {stamp: Answer(stamp, 0.01, {}, {}) for stamp in range(4)}
    recording.dropped("undecodable", "torn")
    account(recording, health(1, 1, {"superseded": 2}), health(11, 6, {"superseded": 4, "wrong_step": 1}))
    assert recording.drops == {
        "undecodable": 1, "superseded": 2, "wrong_step": 1, "incomplete_answer": 1, "lost_in_transport": 1
    }  # fmt: skip


def _dds_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("ROS_", "FAST"))}


def _content(bag: Path) -> list[tuple]:
    """Every message of a bag, as what a reader of it would see."""
    rows: list[tuple] = []
    with open_reader(bag) as reader:
        for connection, recorded_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            if not hasattr(message, "header"):  # a number for plots, which the routing has as well
                continue
            stamp = (message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id)
            if hasattr(message, "format"):
                seen = (message.format, message.data.tobytes())
            elif hasattr(message, "data"):
                seen = (message.encoding, message.height, message.width, message.step, message.data.tobytes())
            else:
                seen = (weather_from_msg(message),)
            rows.append((connection.topic, recorded_ns, stamp, seen))
    return sorted(rows, key=lambda row: row[:2])
