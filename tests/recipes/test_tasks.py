"""Recipes of several tasks: examples of each in turn, and the tasks that a run refuses."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from tests.support.runs import run
from training.recipes.paper_b.recipe import PAPER_B
from training.recipes.paper_c.recipe import PAPER_C

RECIPES = {"paper_b": PAPER_B, "paper_c": PAPER_C}

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.parametrize("name", RECIPES)]


def test_every_step_has_equally_many_examples_of_every_task_clear_ones_if_named(name: str) -> None:
    recipe = RECIPES[name]
    config = recipe.presets[f"{name}_smoke"]().of_tasks(("clear", "snow"))
    assert config.batch == 2
    endless = recipe.begin(config, Fabric(accelerator="cpu")).examples.open()
    drawn = [endless[index] for index in range(4)]
    assert [int(example.weather) for example in drawn] == [0, 1, 0, 1]
    assert all(torch.equal(example.degraded_3HW, example.clear_3HW) == (int(example.weather) == 0) for example in drawn)


def test_unknown_and_repeated_tasks_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(RECIPES[name], tmp_path / "run", "--tasks", "fog,volcano")
    assert "no weather 'volcano'; there are clear, fog" in capsys.readouterr().err
    assert run(RECIPES[name], tmp_path / "run", "--tasks", "fog,fog") == 1
    assert "each once" in capsys.readouterr().err
