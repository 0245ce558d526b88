"""Reproducing paper B: the command on tiny networks, the rows that are one training, and how claims are read."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.network_config import PaperBConfig, paper_b_quick
from training.reproduce.__main__ import main
from training.reproduce.jobs import run_all
from training.reproduce.paper_b import scales as paper_b_scales
from training.reproduce.paper_b.claims import CLAIMS, findings
from training.reproduce.paper_b.experiments import TABLES, absent, plan
from training.reproduce.paper_b.frames import examples, middle, open_frames
from training.reproduce.paper_b.report import our_line, published
from training.reproduce.paper_b.rows import ABLATIONS, Setup, rows, trainings
from training.reproduce.paper_b.runs import Run, Runner, take_common
from training.reproduce.statistics import HOLDS, OPEN, REVERSED, compare, overall, spread
from training.segmenters.restore_checkpoint import restore_moe_wirnet

pytestmark = pytest.mark.usefixtures("one_thread")

SMOKE = ["B", "--smoke", "--threads", "1", "--jobs", "1"]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the smoke command, for two of the tables."""
    folder = tmp_path_factory.mktemp("reproduce")
    assert main([*SMOKE, "--tables", "7", "figure-6", "4", "--out", str(folder)]) == 0
    return folder


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results" / "B.json").read_text())
    return found


def test_the_command_trains_every_row_with_every_seed_and_tells_it_in_json_and_in_words(reproduced: Path) -> None:
    result = report(reproduced)
    (street,) = result["experiments"]
    assert len(street["rows"]) == 4 + 6 and len(street["trainings"]) == 3 + 6
    page = (reproduced / "results" / "B.md").read_text()
    for row in street["rows"]:
        seeds = street["trainings"][row["training"]]
        assert list(seeds) == ["0", "1"]
        found = [seed["weathers"]["rain"]["psnr_y"] for seed in seeds.values()]
        assert f"| {row['label']} |" in page and f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}" in page
    ours = street["trainings"][street["ours"]]
    assert sum(value for name, value in ours["0"]["gates"].items() if name.startswith("encoder1.")) == pytest.approx(
        1, abs=2e-4
    )
    assert result["command"] == "python -m training.reproduce B --smoke --tables 7 figure-6 4"
    assert result["complexity"]["paper_b_quick"]["parameters"] > 1e5
    assert "no WeatherBench" in page and str(reproduced) not in page
    assert (reproduced / "results" / "B_street_figure_6.svg").read_text().startswith("<?xml")


def test_the_degraded_frames_are_scored_as_the_restored_ones_are(reproduced: Path) -> None:
    (street,) = report(reproduced)["experiments"]
    assert set(street["degraded"]) == {"fog", "rain", "snow"}
    for scores in street["degraded"].values():
        assert set(scores) == {"psnr_y", "ssim_y", "psnr", "ssim"} and 5 < scores["psnr_y"] < 50


def test_a_second_run_trains_and_judges_nothing_anew(reproduced: Path) -> None:
    run = reproduced / "B_smoke" / "street" / "RCI_alone" / "seed_0"
    paths, before = [run / "moe_wirnet.safetensors", run.with_suffix(".json")], report(reproduced)
    times = [path.stat().st_mtime_ns for path in paths]
    assert main([*SMOKE, "--tables", "7", "figure-6", "--out", str(reproduced)]) == 0
    assert [path.stat().st_mtime_ns for path in paths] == times
    assert report(reproduced)["experiments"] == before["experiments"]


def test_a_checkpoint_of_the_reproduction_can_be_restored(reproduced: Path) -> None:
    net, state = restore_moe_wirnet(reproduced / "B_smoke" / "street" / "k_100" / "seed_1")
    assert net.config.share == 1 and state["config"]["reweighting"]["strategy"] == "ori"
    assert state["command"].startswith("python -m training.reproduce B --smoke")


def test_a_run_of_other_steps_in_the_same_folder_is_refused(reproduced: Path) -> None:
    smoke = paper_b_scales.smoke(0)
    scale = dataclasses.replace(smoke, training=dataclasses.replace(smoke.training, steps=2))
    frames = open_frames("street", {}, scale.training, scale.frames)
    runner = Runner(frames, "street", scale, reproduced / "B_smoke" / "street", "pytest")
    with pytest.raises(ValueError, match="steps = 1"):
        runner(Run("MOE_WIRNet", Setup(scale.training.model), 0))


def test_equal_rows_are_one_training() -> None:
    base = paper_b_quick()
    found = rows(base, TABLES)
    assert [sum(row.table == table for row in found) for table in ABLATIONS] == [7, 4, 4, 6]
    setups = trainings(base, found)
    assert len(setups) == 18 == len(set(setups.values()))
    assert {row.label for row in found if row.setup == Setup(base)} == {
        "MOE-WIRNet",
        "soft encoder, hard decoder",
        "channel, spatial, frequency",
        "RCI and ACI (ORI)",
        "k = 70 %",
    }


def test_every_claim_is_about_rows_that_exist() -> None:
    labels = {(row.table, row.label) for row in rows(paper_b_quick(), ABLATIONS)}
    for claim in CLAIMS:
        assert {(claim.table, label) for label in (claim.better, *claim.others)} <= labels


def test_all_rows_have_the_same_budget_data_and_loss() -> None:
    scale = paper_b_scales.quick(0)
    frames = open_frames("street", {}, paper_b_scales.smoke(0).training, 1)
    runner = Runner(frames, "street", scale, Path("nowhere"), "pytest")
    setups = trainings(scale.training.model, rows(scale.training.model, ABLATIONS))
    configs = [runner.config(Run(name, setup, 5)) for name, setup in setups.items()]
    for config in configs:
        changed = dataclasses.replace(config, model=configs[0].model, reweighting=configs[0].reweighting)
        assert changed == configs[0] and config.seed == 5 and config.batch % len(config.tasks) == 0


def test_networks_of_one_seed_begin_alike_where_they_can() -> None:
    base = PaperBConfig(6, (1, 1, 1, 1), 1, window=2, patch=2)
    torch.manual_seed(9)
    hard, pair = (
        MoeWirNet(dataclasses.replace(base, **changed))
        for changed in ({"encoder": base.decoder}, {"experts": ("channel", "spatial")})
    )
    assert not torch.equal(hard.embed.weight, pair.embed.weight)
    for net in (hard, pair):
        take_common(net, 1, base)
    torch.manual_seed(1)
    wanted = MoeWirNet(base).state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in hard.state_dict().items())
    assert torch.equal(pair.embed.weight, wanted["embed.weight"])


@pytest.mark.parametrize(
    ("better", "other", "verdict"),
    [
        ([23.0, 24.0, 25.0], [22.8, 23.9, 24.8], HOLDS),
        ([22.8, 23.9, 24.8], [23.0, 24.0, 25.0], REVERSED),
        ([23.0, 24.0, 25.0], [23.4, 23.5, 24.8], OPEN),
        ([23.0, 24.0], [23.0, 24.0], OPEN),
        ([25.0], [20.0], OPEN),
    ],
)
def test_a_claim_is_read_from_the_differences_of_each_seed(
    better: list[float], other: list[float], verdict: str
) -> None:
    """Between seeds the rows of the first case differ by much more than from one another."""
    found = compare(better, other)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(np.mean(np.subtract(better, other)))


def test_three_seeds_must_agree_by_students_t() -> None:
    """2.92 standard errors for three seeds: differences 1, 1 + d, 1 - d have the standard error d / sqrt(3)."""
    just = 3**0.5 / 2.92
    assert compare([1.0, 1 + 0.99 * just, 1 - 0.99 * just], [0.0] * 3).verdict == HOLDS
    assert compare([1.0, 1 + 1.01 * just, 1 - 1.01 * just], [0.0] * 3).verdict == OPEN
    with pytest.raises(ValueError, match="longer than argument 1"):
        compare([1.0], [1.0, 2.0])


def test_a_claim_over_several_rows_holds_over_each_and_is_reversed_by_any() -> None:
    assert overall([HOLDS, HOLDS]) == HOLDS
    assert overall([HOLDS, OPEN]) == OPEN
    assert overall([HOLDS, REVERSED, OPEN]) == REVERSED


def test_the_spread_is_the_sample_standard_deviation_and_one_seed_has_none() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([4.0]) == (4.0, None)


def made_up(gains: dict[str, float]) -> dict[str, Any]:
    """An experiment in which every training has 20 dB, and these have more."""
    base = paper_b_quick()
    found = rows(base, ABLATIONS)
    setups = trainings(base, found)

    def seeds(name: str) -> dict[str, Any]:
        return {
            str(seed): {
                "weathers": {w: {"psnr_y": 20 + seed + 0.01 * seed * len(name) + gains.get(name, 0)} for w in "ab"}
            }
            for seed in range(3)
        }

    names = {setup: name for name, setup in setups.items()}
    return {
        "rows": [{"table": row.table, "label": row.label, "training": names[row.setup]} for row in found],
        "trainings": {name: seeds(name) for name in setups},
    }


def test_the_claims_of_made_up_figures() -> None:
    found = {f.claim.text: f for f in findings(made_up({"MOE_WIRNet": 5, "e_channel": 20, "RCI_alone": 5}))}
    assert found["asymmetric routing over the other combinations"].verdict == HOLDS
    assert len(found["asymmetric routing over the other combinations"].over) == 3
    assert found["three experts over fewer"].verdict == REVERSED
    assert found["RCI and ACI over no reweighting"].verdict == HOLDS
    assert found["RCI and ACI over RCI alone"].verdict == OPEN
    assert found["k = 70 % best"].verdict == HOLDS and len(found["k = 70 % best"].over) == 5


def test_tables_run_where_their_data_are_and_the_others_are_named() -> None:
    quick, full = paper_b_scales.quick(0), paper_b_scales.full(0)
    assert plan({}, quick, TABLES) == [("street", ABLATIONS)] and plan({}, full, TABLES) == []
    assert plan({"camvid": Path("c"), "foundir": Path("f")}, full, ["5", "2"]) == [("street", ("5",))]
    bench, found = {"weatherbench": Path("w")}, {"foundir": Path("f"), "foundir-test": Path("t")}
    assert plan(bench | found, full, TABLES) == [("weatherbench", ("1", *ABLATIONS)), ("foundir", ("2",))]
    assert absent(bench | found, TABLES) == []
    assert [line.split(":")[0] for line in absent(bench, TABLES)] == ["Table 2"]


@pytest.fixture
def weatherbench(tmp_path: Path) -> Path:
    """Two pairs of each weather and split, each weather of a brightness of its own."""
    for number, weather in enumerate(("haze", "rain", "snow")):
        for split in ("train", "test"):
            for kind, value in (("input", 40 * number + 20), ("target", 200)):
                folder = tmp_path / weather / split / kind
                folder.mkdir(parents=True)
                for name in "ab":
                    cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 72, 3), value, np.uint8))
    return tmp_path


def test_weatherbench_gives_its_weathers_in_turn_and_a_row_of_table_1(weatherbench: Path, tmp_path: Path) -> None:
    frames = open_frames("weatherbench", {"weatherbench": weatherbench}, paper_b_scales.smoke(0).training, 1)
    found = examples(frames, ("haze", "rain", "snow"), (32, 32), 0)
    for index, value in enumerate((20, 60, 100, 20)):
        example = found[index]
        assert int(example.weather) == index % 3
        assert example.degraded_3HW.float().mean() == pytest.approx(value, abs=1)
    out = tmp_path / "out"
    assert (
        main([*SMOKE, "--tables", "1", "--seeds", "1", "--data", f"weatherbench={weatherbench}", "--out", str(out)])
        == 0
    )
    (experiment,) = report(out)["experiments"]
    name, haze, *_, average = our_line(experiment)
    assert name == "MOE-WIRNet, ours" and haze in (page := published([experiment])) and average in page
    assert "| MWFormer | 24.42 / 0.7462 |" in (out / "results" / "B.md").read_text()


def test_only_the_middle_of_a_frame_is_judged_where_a_window_is_given() -> None:
    plane = np.arange(8 * 6, dtype=np.uint8).reshape(8, 6)
    image = np.repeat(plane[..., None], 3, axis=2)

    def frames() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        yield image, image, plane

    ((degraded, clear, labels),) = middle(frames(), (4, 2))
    assert degraded.shape == clear.shape == (4, 2, 3) and np.array_equal(labels, plane[2:6, 2:4])
    ((whole, _, _),) = middle(frames(), (100, 100))
    assert whole.shape == image.shape


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # the test run's threads, not the work's
def test_jobs_give_their_results_in_order_and_pass_an_error_on(tmp_path: Path) -> None:
    assert run_all(lambda x: x * x, [3, 2, 1], 2, tmp_path / "logs") == [9, 4, 1]
    assert len(list((tmp_path / "logs").iterdir())) == 2
    with pytest.raises(ZeroDivisionError):
        run_all(lambda x: 1 / x, [1, 0], 2, tmp_path / "logs")


def test_a_full_run_without_data_says_how_to_name_some(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["B", "--out", str(tmp_path)]) == 1
    assert "--data NAME=ROOT" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["B", "--data", "cityscapes=somewhere"])
    assert "NAME is one of camvid" in capsys.readouterr().err
