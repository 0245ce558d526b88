"""A run is under control: it can be interrupted, go on, be compared, be judged, and it keeps other results."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.bags import Shot, open_reader, write_bag
from tests.support.engines import CopyBackend
from tests.support.metrics import figures_in, read_metrics
from weather_perception.core.engines import select
from weather_perception.core.engines.base import Target
from weather_perception.core.engines.build import ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.pipeline import Pipeline
from weather_perception.replay import report
from weather_perception.replay.bags import BagSource
from weather_perception.replay.cli import main
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import Frame

Command = Callable[..., int]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory, drive: list[Shot]) -> Path:
    return write_bag(tmp_path_factory.mktemp("bag") / "drive", drive)


@pytest.fixture
def replay(bag: Path, tmp_path: Path, tiny_model: Path) -> Command:
    def run(*options: object) -> int:
        return main([str(item) for item in (bag, "--out", tmp_path / "out", "--model", tiny_model, *options)])

    return run


@pytest.fixture
def signals_at_5(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Signals that this process gets when the sixth frame of the first pass is read."""
    numbers: list[int] = []
    frames = BagSource.frames

    def with_signals(source: BagSource, with_truth: bool = False) -> Iterator[Frame]:
        for index, frame in enumerate(frames(source, with_truth)):
            if index == 5 and not with_truth:
                for number in numbers:
                    os.kill(os.getpid(), number)
            yield frame

    monkeypatch.setattr(BagSource, "frames", with_signals)
    return numbers


@pytest.fixture
def inferences(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each frame that a model processes."""
    made: list[int] = []
    process = Pipeline.process
    monkeypatch.setattr(Pipeline, "process", lambda *given: [made.append(1), process(*given)][1])
    return made


def contents(bag: Path) -> list[tuple[str, int, bytes]]:
    with open_reader(bag) as reader:
        return [(connection.topic, time, bytes(data)) for connection, time, data in reader.messages()]


def without_times(out: Path) -> list[Any]:
    """Everything in metrics.json that does not depend on the clock."""
    found = []
    for camera in read_metrics(out)["cameras"]:
        for run in camera["runs"]:
            del run["latency_ms"], run["speed"], run["frames"]["latency_ms"]
        found.append(camera)
    return found


def test_ctrl_c_keeps_what_is_done_and_the_run_can_go_on(
    tmp_path: Path,
    bag: Path,
    replay: Command,
    tiny_model: Path,
    signals_at_5: list[int],
    inferences: list[int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert main([str(bag), "--out", str(whole), "--model", str(tiny_model)]) == 0
    signals_at_5.append(signal.SIGINT)
    assert replay() == ExitCode.INTERRUPTED
    assert "--resume goes on" in capsys.readouterr().err
    partial = read_metrics(out)
    assert not partial["replay"]["complete"]
    assert partial["cameras"][0]["runs"][0]["counts"]["answered"] == 5
    assert (out / "report.html").is_file()

    signals_at_5.clear()
    inferences.clear()
    assert replay("--resume") == 0
    assert len(inferences) == 5 + 1  # the other half, and once to warm up
    metrics = read_metrics(out)
    assert (metrics["replay"]["complete"], metrics["replay"]["resumed"]) == (True, True)
    assert without_times(out) == without_times(whole)
    assert contents(out / "output_bag") == contents(whole / "output_bag")
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "output_bag", "report.html"]


def test_a_run_that_was_killed_goes_on_from_the_answers_on_the_disk(
    tmp_path: Path, replay: Command, signals_at_5: list[int], inferences: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGTERM ends it at once; then its bag is cut, as by a power loss."""
    out = tmp_path / "out"
    signals_at_5.append(signal.SIGTERM)
    assert replay() == 128 + signal.SIGTERM
    assert "--resume" in capsys.readouterr().err
    assert not (out / "metrics.json").exists()
    assert replay() == 1
    assert "go on with --resume, or start over with --force" in capsys.readouterr().err
    signals_at_5.clear()

    (written,) = (out / ".unfinished" / "output_bag").glob("*.mcap")
    written.write_bytes(written.read_bytes()[: written.stat().st_size * 5 // 10])
    inferences.clear()
    assert replay("--resume") == 0
    assert 5 < len(inferences) - 1 < 10
    assert figures_in(out)["frames_received"] == 10


def test_only_the_same_run_goes_on(
    tmp_path: Path, replay: Command, signals_at_5: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay("--resume") == 1
    assert "no run that ended early" in capsys.readouterr().err
    signals_at_5.append(signal.SIGINT)
    assert replay() == ExitCode.INTERRUPTED
    before = (tmp_path / "out" / "metrics.json").read_bytes()
    assert replay("--resume", "--stride", 2) == 1
    assert "stride 1" in capsys.readouterr().err
    assert (tmp_path / "out" / "metrics.json").read_bytes() == before


def test_a_run_does_not_go_on_with_another_engine(
    tmp_path: Path,
    replay: Command,
    tiny_model: Path,
    signals_at_5: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`auto` takes whatever was built, so the same command line may answer by another engine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    signals_at_5.append(signal.SIGINT)
    assert replay() == ExitCode.INTERRUPTED
    before = (tmp_path / "out" / "metrics.json").read_bytes()
    signals_at_5.clear()

    backend = CopyBackend()
    monkeypatch.setattr(select, "BACKENDS", (backend,))
    ready_entry(select.open_reference(str(tiny_model), "cpu", 0), Target(64, 96), backend, EngineCache())
    assert replay("--resume") == 1
    assert "--resume: torch answered" in (said := capsys.readouterr().err) and "inductor answers them now" in said
    assert (tmp_path / "out" / "metrics.json").read_bytes() == before

    monkeypatch.setattr(select, "BACKENDS", ())
    assert replay("--resume") == 0
    metrics = read_metrics(tmp_path / "out")
    assert metrics["models"][0]["engine"] == "torch"
    assert metrics["cameras"][0]["runs"][0]["counts"]["answered"] == 10


def test_force_keeps_the_earlier_results_until_the_new_ones_are_whole(
    tmp_path: Path, replay: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay("--limit", 2) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.*")}

    def fail(*_: object) -> None:
        raise OSError(36, "File name too long", "report.html")

    with monkeypatch.context() as patched:
        patched.setattr(report, "write_report", fail)
        assert replay("--force") == 1
    assert "report.html: File name too long" in capsys.readouterr().err
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before
    assert replay() == 1
    assert replay("--force") == 0
    assert figures_in(tmp_path / "out")["frames_received"] == 10


def test_getting_an_engine_ready_is_no_part_of_a_models_speed(
    tmp_path: Path, replay: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, process = time.perf_counter, Pipeline.process
    begun: list[int] = []
    monkeypatch.setattr(Pipeline, "process", lambda *given: [begun.append(1), process(*given)][1])
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + 3600 * bool(begun))  # the first time takes an hour
    assert replay("--engine", "torch", "--compare", "@auto") == 0
    for run in read_metrics(tmp_path / "out")["cameras"][0]["runs"]:
        assert 10 / run["speed"]["frames_per_second"] < 1800


def test_models_are_compared_on_the_same_frames_and_held_against_limits(
    tmp_path: Path, replay: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = ("--fail-under", "psnr=20", "latency_p95=0", "--junit", tmp_path / "junit.xml")
    assert replay("--engine", "torch", "--compare", "@auto", *limits) == ExitCode.BELOW_LIMIT
    said = capsys.readouterr()
    assert "latency_p95 is" in said.err
    metrics = read_metrics(tmp_path / "out")
    assert [model["id"] for model in metrics["models"]] == ["tiny@torch", "tiny@auto"]
    assert [item["passed"] for item in metrics["limits"]] == [True, False] * 2
    first, second = metrics["cameras"][0]["runs"]
    assert first["weathers"] == second["weathers"]
    assert "tiny@torch" in said.out
    assert "tiny@auto" in said.out
    topics = {topic for topic, _, _ in contents(tmp_path / "out" / "output_bag")}
    assert {"/restore_node/image_restored", "/restore_node/tiny_auto/image_restored"} <= topics
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("6", "2")


@pytest.mark.parametrize("compared", ["@steam", "@torch:fp8", "missing.pt2", "@torch"])
def test_a_model_that_cannot_be_compared_is_named(
    compared: str, replay: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay("--engine", "torch", "--compare", compared) == 1
    assert compared.rpartition(":")[2].lstrip("@") in capsys.readouterr().err
