"""A recipe from elsewhere, added by one registration, goes through every command as it is."""

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.runs import (
    assert_same_model,
    handed_out,
    judge,
    replayed,
    run,
    run_until,
    state,
    tensors,
)
from tests.support.tasks import assert_close
from training import complexity, recipes, train
from training.deployable import metrics_file
from training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe[Any]]:
    """The recipe of a module in a folder that this project does not know, registered and then forgotten."""
    name = "a_toy_from_elsewhere"
    shutil.copy(Path(__file__).parents[1] / "support/toy_recipe.py", tmp_path / f"{name}.py")
    monkeypatch.syspath_prepend(tmp_path)
    found: Recipe[Any] = importlib.import_module(name).TOY
    monkeypatch.setattr(recipes, "RECIPES", (*recipes.RECIPES, found))
    yield found
    del sys.modules[name]


def test_it_trains_resumes_and_is_judged_exported_measured_and_replayed(
    toy: Recipe[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, stopped, options = tmp_path / "whole", tmp_path / "stopped", ("--kernel", "5", "--average-decay", "0.5")
    assert run(toy, whole, *options) == 0
    run_until(3, toy, stopped, *options)
    assert run(toy, stopped, *options, "--resume") == 0
    assert_close(tensors(stopped), tensors(whole))
    assert state(whole)["recipe"] == "toy" and state(whole)["command"].endswith("toy_smoke --steps 4 --kernel 5")

    assert judge(whole, "--averaged") == 0
    program = handed_out(whole, tmp_path / "toy.pt2", "--averaged")
    last, averaged = (recipes.open_deployable(whole, averaged=value).model for value in (False, True))
    assert_same_model(program.exported.module(), averaged)
    means = [model.restorer.net.change[1].running_mean for model in (last, averaged)]
    assert not torch.equal(*means)
    training = program.manifest.training
    assert training["metrics"] == json.loads(metrics_file(whole, averaged=True).read_text())
    assert (training["licence"], training["method"]) == ("Apache-2.0", "a toy")
    assert "It is a toy." in program.path.with_suffix(".md").read_text()

    capsys.readouterr()
    assert complexity.main(["toy_smoke", "--size", "16x16"]) == 0
    assert "| toy_smoke | 0.00 |" in capsys.readouterr().out
    metrics, readings = replayed(program.path, tmp_path)
    assert metrics["frames_received"] == len(readings) == 3
    assert all(reading.values["gate.brightness"] > 0 for reading in readings)


def test_the_other_recipes_refuse_its_option_by_its_title(toy: Recipe[Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(["smoke", "--kernel", "5"])
    assert f"it belongs to {toy.title}" in capsys.readouterr().err
