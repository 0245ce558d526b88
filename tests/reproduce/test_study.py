"""A study: what it keeps, what it runs again, and several pieces of work at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.config import RunConfig
from training.recipes.paper_c.config import paper_c_smoke
from training.reproduce.frames import ClearFrames
from training.reproduce.paper_c.rows import smoke
from training.reproduce.study import Scale, Study, Trial, folder_name, run_all


class Counted(Study):
    """Trains nothing: its scores are how often it was asked."""

    rate = 1e-3
    asked = 0

    def config(self, trial: Trial) -> RunConfig:
        return replace(paper_c_smoke(), seed=trial.seed, learning_rate=self.rate)

    def scores(self, trial: Trial) -> dict[str, Any]:
        self.asked += 1
        return {"asked": self.asked}


def study(folder: Path, scale: Scale) -> Counted:
    return Counted(ClearFrames([], [], "nothing", ()), scale, folder, "pytest")


def test_rows_times_seeds_are_kept_by_row_and_seed(tmp_path: Path) -> None:
    found = study(tmp_path, smoke(0))
    assert found.run(["one", "two"], [0, 1], 1) == {
        "one": {"0": {"asked": 1}, "1": {"asked": 3}},
        "two": {"0": {"asked": 2}, "1": {"asked": 4}},
    }
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["seed_0.json", "seed_1.json"]


def test_a_finished_trial_costs_nothing_until_a_setting_changes(tmp_path: Path) -> None:
    first = study(tmp_path, smoke(0)).run(["row"], [0], 1)
    assert study(tmp_path, smoke(0)).run(["row"], [0], 1) == first
    again = study(tmp_path, smoke(0))
    again.rate = 2e-3
    again.run(["row"], [0], 1)
    assert again.asked == 1
    more = study(tmp_path, replace(smoke(0), frames=5))
    more.run(["row"], [0], 1)
    assert more.asked == 1


def test_a_path_of_this_machine_is_no_setting(tmp_path: Path) -> None:
    settings = study(tmp_path, smoke(0)).settings(Trial("row", 0))
    assert "camvid_root" not in settings["config"]["data"]


def test_folders_have_plain_names() -> None:
    assert folder_name("k = 70 %") == "k_70" and folder_name("stages 1 + 2, longer") == "stages_1_2_longer"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # the test run's threads, not the work's
def test_jobs_give_their_results_in_order_and_pass_an_error_on(tmp_path: Path) -> None:
    assert run_all(lambda x: x * x, [3, 2, 1], 2, tmp_path / "logs") == [9, 4, 1]
    assert len(list((tmp_path / "logs").iterdir())) == 2
    with pytest.raises(ZeroDivisionError):
        run_all(lambda x: 1 / x, [1, 0], 2, tmp_path / "logs")
