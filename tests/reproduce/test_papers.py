"""What holds for every paper's reproduction: its report, what it keeps, its checkpoints, and what it refuses."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training import recipes
from training.loop.checkpoint import open_checkpoint
from training.reproduce.__main__ import PAPERS, main
from training.reproduce.paper_a.scales import SMALL
from training.reproduce.paper_b.rows import SCALES as SCALES_B
from training.reproduce.paper_c.rows import SCALES as SCALES_C

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = [paper.name for paper in PAPERS]

CHECKPOINTS = {"A": "street/fog/seed_0/no_mask", "B": "street/RCI_alone/seed_1", "C": "mvgh_direction/seed_1"}
"""A checkpoint of each paper, in the folder of its checkpoints."""

COMMANDS = {
    "A": " --rival other=tests.support.rivals:Residual",
    "B": " --tables 7 4 --rival other=tests.support.rivals:Residual",
    "C": " --methods sum mvgh_direction film --rival told=tests.support.rivals:Told,labels",
}


@pytest.mark.parametrize("paper", NAMES)
def test_the_report_names_its_command_and_its_plots_and_no_path(paper: str, reproduced: Callable[[str], Any]) -> None:
    found = reproduced(paper)
    command = f"python -m training.reproduce {paper} --smoke{COMMANDS[paper]}"
    assert found.result["command"] == command and f"`{command}`" in found.page
    assert str(found.out) not in found.page
    plots = re.findall(r"!\[.*?\]\((.*?)\)", found.page)
    assert plots
    for name in plots:
        begins = b"<?xml" if name.endswith(".svg") else b"\x89PNG"
        assert (found.results / name).read_bytes().startswith(begins)
    for line in found.result["absent"]:
        assert f"- {line}" in found.page


@pytest.mark.parametrize("paper", ["B", "C"])
def test_every_row_and_rival_sees_the_examples_of_each_of_its_seeds(
    paper: str, reproduced: Callable[[str], Any]
) -> None:
    counts = Counter(reproduced(paper).seeds)
    assert set(counts) == {0, 1} and counts[0] == counts[1]


@pytest.mark.parametrize("paper", NAMES)
def test_a_second_run_trains_and_judges_nothing_anew(paper: str, reproduced: Callable[[str], Any]) -> None:
    found = reproduced(paper)
    kept = [path for path in found.checkpoints.rglob("*.*") if path.suffix in (".safetensors", ".json")]
    times, before = [path.stat().st_mtime_ns for path in kept], found.result
    found.run()
    assert len(kept) > 10 and [path.stat().st_mtime_ns for path in kept] == times
    for result in (before, found.result):
        for name, preset in (result.get("complexity") or {}).items():
            assert preset.pop("latency_ms") > 0, name
    assert found.result | {"complexity": 0} == before | {"complexity": 0}


@pytest.mark.parametrize("paper", NAMES)
def test_a_checkpoint_opens_as_any_other_of_its_recipe(paper: str, reproduced: Callable[[str], Any]) -> None:
    folder = reproduced(paper).checkpoints / CHECKPOINTS[paper]
    segmenter = None if paper == "A" else str(reproduced("A").checkpoints / "street" / "segmenter")
    found = recipes.open_deployable(folder, segmenter)
    frame = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 33, 47, 3), np.uint8))
    restored, labels, *_ = found.model(frame)
    assert restored.shape == frame.shape and labels.shape == frame.shape[:3]
    assert f"training.reproduce {paper} --smoke" in found.training["command"]
    assert found.training["data"] == ["procedural street scenes of this project, Apache-2.0"]
    assert found.training["licence"] == "Apache-2.0"


@pytest.mark.parametrize(("paper", "scales"), [("A", SMALL), ("B", SCALES_B), ("C", SCALES_C)], ids=["A", "B", "C"])
def test_a_training_of_other_steps_in_the_same_folder_is_refused(
    paper: str,
    scales: dict[str, Callable[..., Any]],
    reproduced: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, smoke = reproduced(paper), scales["smoke"]
    steps = smoke(0).training.steps

    def longer(*given: int) -> Any:
        scale = smoke(*given)
        return replace(scale, training=replace(scale.training, steps=steps + 1))

    monkeypatch.setitem(scales, "smoke", longer)
    with pytest.raises(AssertionError):
        found.run()
    assert f"its run had steps = {steps}, this run has {steps + 1}" in capsys.readouterr().err


@pytest.mark.parametrize("paper", NAMES)
def test_other_data_sets_are_refused(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([paper, "--data", "kitti=somewhere"])
    assert "NAME is one of camvid" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["A", "--vgg19", "off"], ["B"]], ids=["A", "B"])
def test_a_full_run_without_data_says_how_to_name_some(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    assert "--data NAME=ROOT" in capsys.readouterr().err


def test_the_segmenter_that_a_trains_first_can_be_named_elsewhere(reproduced: Callable[[str], Any]) -> None:
    saved = open_checkpoint(reproduced("A").checkpoints / "street" / "segmenter")
    assert saved.state["segmenter"]["kind"] == "base" and [s.name for s in saved.sources]
