"""Paper B's command: on our scenes or on pairs of the public sets, whose weathers are then the tasks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import datasets
from tests.support.runs import run, state
from training.loop import processes
from training.loop.checkpoint import open_checkpoint
from training.recipes.paper_b.recipe import PAPER_B, assemble

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_checkpoint_keeps_every_tasks_weight_and_indices(tmp_path: Path) -> None:
    assert run(PAPER_B, tmp_path / "run", "--steps", "1", "--tasks", "clear,snow") == 0
    found = state(tmp_path / "run")
    assert found["stage"] == "collaborate" and found["config"]["tasks"] == ["clear", "snow"]
    assert found["command"].endswith("--steps 1 --tasks clear,snow")
    assert {f"{kind}_{task}" for kind in ("weight", "rci", "aci") for task in ("clear", "snow")} <= set(
        found["scalars"]
    )


@pytest.mark.parametrize(
    ("write", "split", "tasks"),
    [
        (datasets.weatherbench, "train", ("haze", "rain", "snow")),
        (datasets.foundir, "", ("haze", "nightrain", "rain", "raindrop")),
        (datasets.pairs, "", ("degraded",)),
    ],
    ids=["WeatherBench", "FoundIR", "input and target"],
)
def test_pairs_on_disk_bring_their_weathers_as_tasks(
    write: Callable[[Path], None], split: str, tasks: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path / "set")
    asked = ["--pairs", str(tmp_path / "set"), *(["--pairs-split", split] if split else []), "--workers", "0"]
    assert run(PAPER_B, tmp_path / "run", "--steps", "1", *asked) == 0
    assert run(PAPER_B, tmp_path / "run", "--steps", "2", *asked, "--resume") == 0
    found = state(tmp_path / "run")
    assert (found["step"], tuple(found["config"]["tasks"])) == (2, tasks)
    assert found["config"]["batch"] == len(tasks)
    assert found["command"].endswith("--pairs PAIRS_ROOT" + (f" --pairs-split {split}" if split else ""))
    assert {f"loss_{task}" for task in tasks} <= set(found["scalars"])
    assert not any("procedural" in source["name"] for source in found["sources"])
    again = assemble(PAPER_B.read(open_checkpoint(tmp_path / "run")), processes.launch())
    endless = again.examples.open()
    assert [int(endless[index].weather) for index in range(len(tasks))] == list(range(len(tasks)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--pairs-split", "train"], "--pairs ROOT"),
        (["--pairs", "a", "--camvid", "b"], "name one of the two"),
        (["--pairs", "a", "--tasks", "fog"], "pairs have their own"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(PAPER_B, tmp_path / "run", *more) == 1
    assert message in capsys.readouterr().err
