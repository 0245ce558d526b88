"""The engine that the settings ask for, or an error that says what to change."""

from pathlib import Path

import numpy as np
import pytest

from weather_perception.core import resources
from weather_perception.core.engines.base import EngineError, EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.resources import model_path


def test_builds_an_engine_that_runs(tiny_model: Path) -> None:
    engine = build_engine(str(tiny_model), EngineOptions(device="cpu"))
    assert (engine.name, engine.manifest.name) == ("torch", "tiny")
    assert engine.infer(np.zeros((1, 5, 7, 3), np.uint8)).labels_BHW.shape == (1, 5, 7)


@pytest.mark.parametrize("device", ["cuda:99", "toaster"])
def test_a_device_that_is_not_there_is_refused(tiny_model: Path, device: str) -> None:
    with pytest.raises(EngineError, match=f"device: '{device}' cannot be used .* set `device` to cpu or auto"):
        build_engine(str(tiny_model), EngineOptions(device=device))


def test_an_unknown_engine_is_refused(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match="engine: 'warp' is not one of auto, torch"):
        build_engine(str(tiny_model), EngineOptions("warp"))


def test_the_default_model_is_found_below_a_ros_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "share/weather_perception/models/default.pt2"
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "lib/weather_perception/core/resources.py"))
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/absent:{tmp_path}")
    assert model_path() == installed


def test_without_a_default_model_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "lib/weather_perception/core/resources.py"))
    monkeypatch.setattr(resources.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(resources.site, "getuserbase", lambda: str(tmp_path))
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    with pytest.raises(FileNotFoundError, match=r"(?s)models/default.pt2 is not installed.*set `model` to a .pt2 file"):
        model_path()
