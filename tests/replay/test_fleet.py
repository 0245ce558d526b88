"""Fleets: many recordings, evaluated several at a time, and merged by vehicle, weather and route."""

import argparse
import json
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tests.support.bags import Shot, write_bag
from tests.support.documents import camera, document
from tests.support.fleet import by_name, finish
from tests.support.metrics import closed
from weather_perception.replay.comparison import scores_of
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.cli import main
from weather_perception.replay.fleet.folder import Folder
from weather_perception.replay.fleet.merge import contents, merge
from weather_perception.replay.fleet.plan import Planned, plan
from weather_perception.replay.fleet.schedule import run_all
from weather_perception.replay.fleet.tally import bin_of, percentile
from weather_perception.replay.fleet.task import Task
from weather_perception.replay.fleet.workers import LocalWorkers, Workers

SCHEMA = json.loads((files("weather_perception.replay.fleet") / "fleet.schema.json").read_text())
FACTS = {"version": "0", "command": "", "started_utc": "", "finished_utc": "", "workers": None, "seconds": None}


def check(found: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator(closed(SCHEMA)).validate(found)
    return found


def tasks(out: Path, *names: str) -> list[Task]:
    return [Task(name, out / name, out / name, argparse.Namespace(), "") for name in names]


def tries(out: Path, name: str) -> list[str]:
    return (out / name / "tries").read_text().split()


def run(workers: Workers, out: Path, *names: str) -> dict[str, tuple[int, int]]:
    with workers:
        return {task.name: (outcome.code, made) for task, outcome, made in run_all(tasks(out, *names), workers, 2)}


def test_what_an_earlier_run_wrote_is_no_recording_however_out_is_spelled(
    tmp_path: Path, drive: list[Shot], monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = tmp_path / "week12"
    write_bag(recordings / "one", drive[4:5])
    write_bag(recordings / "out/output_bag", drive[4:5])
    (tmp_path / "link").symlink_to(recordings / "out")
    monkeypatch.chdir(recordings)
    for out in ("out", "../week12/out", "../link", str(recordings / "out")):
        options = argparse.Namespace(given=recordings, out=Path(out), manifest=None, pattern=None)
        planned, _ = plan(options)
        assert [recording.path.name for recording in planned] == ["one"], out


@pytest.fixture(scope="module")
def fleet(drive: list[Shot], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two cars' drives and a broken file, and the command that evaluates them."""
    root = tmp_path_factory.mktemp("fleet")
    for name in ("car1/hill/one", "car2/town/two"):
        (root / "in" / name).parent.mkdir(parents=True)
        write_bag(root / "in" / name, drive[4:7])
    (root / "in/car1/hill/cut.mcap").write_bytes(bytes(100))
    command = [str(root / "in"), "--out", str(root / "out"), "--pattern", "{vehicle}/{route}/*", "--jobs", "1"]
    return root, [*command, "--retries", "0", "--model", str(tiny_model), "--engine", "torch"]


def test_a_folder_is_evaluated_gone_on_with_and_merged(
    fleet: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, command = fleet
    assert main(command) == ExitCode.FAILED
    said = capsys.readouterr()
    assert "cut.mcap: the file begins with zeros" in said.err
    found = check(json.loads((root / "out/fleet.json").read_text()))
    assert found["counts"] | {"finished": 2, "failed": 1, "waiting": 0} == found["counts"]
    assert {name: group["sent"] for name, group in found["by"]["vehicle"].items()} == {"car1": 3, "car2": 3}
    assert set(found["by"]["route"]) == {"hill", "town"}
    single = json.loads((root / "out/recordings/car2/town/two/metrics.json").read_text())
    (shown,) = (item for item in scores_of([(one, one["runs"][0]) for one in single["cameras"]]) if item.key == "psnr")
    figures = found["by"]["route"]["town"]["figures"]["psnr"]
    assert (figures["before"], figures["after"]) == pytest.approx((shown.before, shown.after)), "as in its own report"
    page = (root / "out/fleet.html").read_text()
    assert "recordings/car2/town/two/report.html" in page
    assert "cut.mcap" in page.partition("Without results")[2]

    (root / "in/car1/hill/cut.mcap").unlink()  # the rest is finished, so nothing is evaluated again
    before = (root / "out/recordings/car2/town/two/metrics.json").stat().st_mtime_ns
    assert main(command) == ExitCode.DONE
    assert (root / "out/recordings/car2/town/two/metrics.json").stat().st_mtime_ns == before
    assert check(json.loads((root / "out/fleet.json").read_text()))["fleet"]["evaluated"] == 0

    assert main([*command, "--stride", "2"]) == ExitCode.FAILED  # never two kinds of results in one report
    assert "stride was 1, is 2" in capsys.readouterr().err


def test_a_worker_that_dies_costs_one_try_and_a_failure_no_other_task(tmp_path: Path) -> None:
    ends = run(LocalWorkers(1, 1, by_name), tmp_path, "ok", "dies once", "fails", "hopeless", "ok too")
    assert ends == {
        "ok": (ExitCode.DONE, 1),
        "ok too": (ExitCode.DONE, 1),
        "dies once": (ExitCode.DONE, 2),
        "fails": (ExitCode.FAILED, 2),
        "hopeless": (ExitCode.NO_IMAGES, 1),
    }
    for name in ("dies once", "fails"):
        assert len(set(tries(tmp_path, name))) == 2, "each on another process"


def test_once_it_is_told_to_stop_nothing_more_is_begun(tmp_path: Path) -> None:
    ended: list[str] = []
    with LocalWorkers(1, 1, by_name) as workers:
        for task, _, _ in run_all(tasks(tmp_path, "ok", "ok too"), workers, 2, lambda: bool(ended)):
            ended.append(task.name)
    assert ended == ["ok"]
    assert not (tmp_path / "ok too").exists()


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements/fleet.txt")
def test_a_ray_cluster_evaluates_and_tries_again(tmp_path: Path) -> None:
    from weather_perception.replay.fleet.ray_workers import RayWorkers

    ends = run(RayWorkers("local", 1, 0, by_name), tmp_path, "ok", "dies once", "fails")
    assert ends == {"ok": (ExitCode.DONE, 1), "dies once": (ExitCode.DONE, 2), "fails": (ExitCode.FAILED, 2)}


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_that_is_missing_is_named_with_the_remedy(
    fleet: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, command = fleet
    given, rest = command[0], command[command.index("--retries") :]
    assert main([given, "--out", str(tmp_path), "--ray", "auto", *rest]) == ExitCode.USAGE
    assert "pip install 'weather_perception[fleet]'" in capsys.readouterr().err


def test_the_merge_weighs_by_frames_and_splits_frames_by_weather(tmp_path: Path) -> None:
    folder, planned = Folder(tmp_path), []
    for index, (vehicle, gain, seconds) in enumerate([("a", 1.0, 10), ("a", 4.0, 30), ("b", -2.0, 20), ("b", 0.5, 20)]):
        one = Planned(f"{vehicle}/{index}", tmp_path / str(index), vehicle, None)
        planned.append(one)
        finish(folder.of(one.name), document(camera(np.arange(0, seconds, 0.1), gain_db=gain)))
    planned.append(Planned("b/not begun", tmp_path / "x", "b", None))
    found = check(contents(merge(planned, folder), FACTS | {"evaluated": 0}))
    assert found["counts"]["waiting"] == 1
    vehicles = found["by"]["vehicle"]
    assert vehicles["a"]["figures"]["psnr"]["change"] == pytest.approx((1 * 100 + 4 * 300) / 400, abs=1e-3)
    assert vehicles["b"]["figures"]["psnr"]["change"] == pytest.approx((-2 * 200 + 0.5 * 200) / 400, abs=1e-3)
    assert vehicles["a"]["figures"]["psnr"]["interval"] is None, "two recordings tell nothing about the next"
    low, high = found["all"]["figures"]["psnr"]["interval"]
    assert -2 <= low < 1.125 < high <= 4
    assert sum(group["answered"] for group in found["by"]["weather"].values()) == found["all"]["answered"] == 800
    assert set(found["by"]["weather"]) == {"clear", "fog"}


def test_latencies_in_bins_keep_their_percentiles_within_1_percent() -> None:
    values = np.random.default_rng(1).gamma(3, 20, 5000)
    bins = dict(zip(*(part.tolist() for part in np.unique(bin_of(values), return_counts=True)), strict=True))
    for percent in (50, 95, 99):
        exact = np.percentile(values, percent, method="inverted_cdf")
        assert percentile(bins, percent) == pytest.approx(exact, rel=0.0101)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vehicle,route\na,b\n", "no column bag; its columns are vehicle, route"),
        ("bag,vehicle\none,a\none,b\n", "line 3: one is there a second time"),
        ("bag,vehicle\n", "no recordings in it"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drives.csv").write_text(text)
    assert main([str(tmp_path / "drives.csv"), "--out", str(tmp_path / "out")]) != ExitCode.DONE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_manifest_names_vehicle_and_route_of_recordings_in_a_folder(tmp_path: Path) -> None:
    from weather_perception.replay.fleet.options import parse
    from weather_perception.replay.fleet.plan import plan

    for name in ("in/a.mcap", "in/day/b.db3", "in/day/note.txt", "in/day/.hidden/c.mcap", "in/out/d.mcap"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "m.csv").write_text("bag, vehicle, route\nday/b.db3, red, hill\ngone.mcap, red, hill\n")
    given = [str(tmp_path / "in"), "--out", str(tmp_path / "in/out"), "--manifest", str(tmp_path / "m.csv")]
    planned, notes = plan(parse(given))
    assert [(one.name, one.vehicle, one.route) for one in planned] == [
        ("a.mcap", None, None),
        ("day/b.db3", "red", "hill"),
    ]
    assert [note.partition(":")[2].strip() for note in notes] == [
        f"1, such as {tmp_path / 'in/gone.mcap'}",
        "1, such as a.mcap",
    ]
