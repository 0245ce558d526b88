"""An engine that is missing is built by the fastest backend whose engine does what the reference does."""

from pathlib import Path

import pytest

from tests.support.engines import CopyBackend
from weather_perception.core.contract import Outputs
from weather_perception.core.engines.base import Engine, OpenedModel
from weather_perception.core.engines.find import BuildMissing
from weather_perception.core.engines.reference import TorchEngine
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
