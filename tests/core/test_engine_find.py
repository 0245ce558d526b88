"""An engine that is missing is built by the fastest backend whose engine does what the reference does."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.engines import CopyBackend, SlowBackend, unchanged
from tests.support.tiny import write_tiny
from weather_perception.core.contract import Outputs
from weather_perception.core.engines import speed
from weather_perception.core.engines.base import Backend, Engine, EngineError, OpenedModel, Target
from weather_perception.core.engines.build import key_of, ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.find import BuildMissing, BuiltBefore, LeaveMissing
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.engines.state import EngineStatus
from weather_perception.core.program import Program


def wrong(outputs: Outputs) -> Outputs:
    return outputs._replace(labels_BHW=outputs.labels_BHW ^ 1)


@pytest.fixture
def report() -> list[str]:
    return []


def engine_of(program: Program, backends: tuple[CopyBackend, ...], report: list[str]) -> Engine | None:
    missing = BuildMissing(OpenedModel(program, TorchEngine(program)), backends, "fp32", report.append, "as wanted")
    return missing((1, 48, 64))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "LEAST_SPEED", 0.5)  # between the copies' 1 and the slow ones' 0.2


def test_the_next_backend_builds_where_the_fastest_fails(program: Program, report: list[str]) -> None:
    backends = CopyBackend(wrong, "tensorrt"), CopyBackend(name="openvino"), CopyBackend(name="inductor")
    engine = engine_of(program, backends, report)
    assert engine and engine.name == "openvino"
    assert [backend.builds for backend in backends] == [1, 1, 0]
    assert report[-1].startswith("engine openvino: serves 1x48x64 from now on, as wanted (tensorrt: labels differs")


def test_where_all_fail_none_is_given_and_each_reason_is_said(program: Program, report: list[str]) -> None:
    absent = CopyBackend(name="inductor")
    absent.absent = "no compiler"
    assert engine_of(program, (CopyBackend(wrong, "openvino"), absent), report) is None
    assert report[-1].startswith("engine torch serves instead: openvino: labels differs")
    assert report[-1].endswith("engine: inductor: no compiler")


@pytest.mark.parametrize("only_faster", [True, False])
def test_an_engine_slower_than_the_reference_serves_only_if_it_was_named(
    program: Program, report: list[str], only_faster: bool
) -> None:
    backends = SlowBackend(name="openvino"), CopyBackend(name="inductor")
    opened, status = OpenedModel(program, TorchEngine(program)), EngineStatus()
    missing = BuildMissing(opened, backends, "fp32", report.append, "as wanted", only_faster=only_faster)
    engine = missing((1, 48, 64))
    assert engine and engine.name == ("inductor" if only_faster else "openvino")
    assert any(line.startswith("openvino: 0.") and line.endswith("times as fast as torch") for line in report)
    if only_faster:
        assert "as wanted (openvino: only 0." in report[-1]
    none = LeaveMissing("", report.append, status)
    before = BuiltBefore(opened, backends[:1], ("fp32",), report.append, none, status, only_faster)
    assert (before((1, 48, 64)) is None) == only_faster
    assert any(line.startswith("passed over a built engine: openvino: only 0.") for line in report) == only_faster


def test_if_every_engine_is_slower_the_reference_stays_and_nothing_is_wrong(
    program: Program, report: list[str]
) -> None:
    opened, status = OpenedModel(program, TorchEngine(program)), EngineStatus()
    slow = (SlowBackend(name="openvino"),)
    assert BuildMissing(opened, slow, "fp32", report.append, "", status=status, only_faster=True)((1, 48, 64)) is None
    assert report[-1].startswith("engine torch serves instead: openvino: only 0.")
    status.serves("torch")
    assert not status.state().problems and "torch answers: openvino: only 0." in str(status.state())


def apart(program: Program, backend: Backend, report: list[str], status: EngineStatus) -> BuildMissing:
    """Builds in a process of its own, as the node does."""
    opened = OpenedModel(program, TorchEngine(program))
    return BuildMissing(opened, (backend,), "fp32", report.append, "as wanted", apart=True, status=status)


def test_a_build_that_failed_is_remembered_with_its_reason_until_the_toolkit_changes_or_the_user_asks(
    program: Program, report: list[str]
) -> None:
    backend, status, target = CopyBackend(wrong, "openvino"), EngineStatus(), Target(48, 64)
    ask = partial(ready_entry, OpenedModel(program, TorchEngine(program)), target, backend, EngineCache())
    with pytest.raises(EngineError):
        ask()
    assert apart(program, backend, report, status)((1, 48, 64)) is None
    (problem,) = status.state().problems
    assert "openvino: labels differs" in problem.reason and "remembered, not tried again" in problem.reason
    assert problem.remedy.startswith(f"`build_engine --model {program.path} --engine openvino --device cpu")
    assert backend.builds == 1 and status.state().activity == ""
    backend.toolkit = "copier 2.0"
    assert EngineCache().failure(key_of(program, target, backend)) == ""
    backend.toolkit, backend.change = "copier 1.0", unchanged
    assert ask() and EngineCache().failure(key_of(program, target, backend)) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(b"another model"), "was replaced after it was opened; configure again"),
        (Path.unlink, "the model file cannot be read any more"),
    ],
)
def test_a_model_that_was_replaced_or_removed_is_not_built_for(
    report: list[str], tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    program, status = write_tiny(tmp_path / "tiny.pt2"), EngineStatus()
    change(program.path)
    assert apart(program, CopyBackend(name="openvino"), report, status)((1, 48, 64)) is None
    assert message in str(status.state())
    assert report == [f"engine torch serves instead: {status.state().problems[0].reason.partition(': ')[2]}"]


def test_a_cache_that_cannot_be_used_starts_no_build_and_says_what_to_do(
    program: Program, report: list[str], tmp_path: Path
) -> None:
    status = EngineStatus()
    (tmp_path / "weather_perception" / "engines").mkdir(parents=True)
    (tmp_path / "weather_perception" / "engines").chmod(0o777)
    assert apart(program, CopyBackend(name="openvino"), report, status)((1, 48, 64)) is None
    assert "can be written by others (mode 777)" in str(status.state()) and "chmod -R go-w" in str(status.state())
