"""Reproducing paper B: the rows that are one training, and the claims of its tables."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support import datasets
from training.loop.checkpoint import open_checkpoint
from training.recipes.paper_b.config import MoeWirNetConfig, paper_b_quick
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK
from training.reproduce.__main__ import main
from training.reproduce.frames import ClearFrames
from training.reproduce.paper_b.experiments import TABLES, MoeWirNetStudy, chosen, listed, missing, plan, take_common
from training.reproduce.paper_b.published import CLAIMS, findings
from training.reproduce.paper_b.report import draw_share, our_line, published
from training.reproduce.paper_b.rows import (
    ABLATIONS,
    SCALES,
    Setup,
    TableRow,
    expert_rows,
    routing_rows,
    rows,
    share_rows,
    trainings,
)
from training.reproduce.results import write_json
from training.reproduce.study import Trial
from training.reproduce.verdicts import FAILS, HOLDS

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = paper_b_quick().model


def test_the_command_trains_every_row_with_every_seed_in_json_and_in_words(reproduced: Callable[[str], Any]) -> None:
    found = reproduced("B")
    (street,) = found.result["experiments"]
    assert len(street["rows"]) == len(street["trainings"]) == 5
    for row in street["rows"]:
        seeds = street["trainings"][row["training"]]
        assert list(seeds) == ["0", "1"]
        values = [seed["weathers"]["rain"]["psnr_y"] for seed in seeds.values()]
        assert f"| {row['label']} |" in found.page
        assert f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}" in found.page
    ours = street["trainings"][street["ours"]]
    assert sum(value for name, value in ours["0"]["gates"].items() if name.startswith("encoder1.")) == pytest.approx(
        1, abs=2e-4
    )
    assert found.result["complexity"]["paper_b_quick"]["parameters"] > 1e5
    assert "no WeatherBench" in found.page


def test_the_degraded_frames_have_the_scores_of_restored_ones(reproduced: Callable[[str], Any]) -> None:
    (street,) = reproduced("B").result["experiments"]
    assert set(street["degraded"]) == {"fog", "rain", "snow"}
    for weather, scores in street["degraded"].items():
        assert set(scores) == set(street["trainings"][street["ours"]]["0"]["weathers"][weather])
        assert scores["identical"] == 0 and 5 < scores["psnr_y"] < 50


def test_equal_rows_are_one_training() -> None:
    found = rows(QUICK, TABLES)
    assert [sum(row.table == table for row in found) for table in ABLATIONS] == [7, 5, 5, 6]
    setups = trainings(QUICK, found)
    assert len(setups) == 20 == len(set(setups.values()))
    assert {row.label for row in found if row.setup == Setup(QUICK)} == {
        "MOE-WIRNet",
        "soft encoder, hard decoder",
        "channel, spatial, frequency",
        "RCI and ACI (ORI)",
        "k = 70 %",
    }


def test_every_claim_is_about_rows_that_exist() -> None:
    labels = {(row.table, row.label) for row in rows(QUICK, ABLATIONS)}
    for claim in CLAIMS:
        assert {(claim.table, label) for label in (claim.better, *claim.others)} <= labels


def test_all_rows_have_the_same_budget_data_and_loss(tmp_path: Path) -> None:
    scale = SCALES["quick"](0)
    model = scale.training.model
    setups = trainings(model, rows(model, ABLATIONS))
    frames = ClearFrames([], [], "nothing", ())
    kept = {"scores": {"weights": {"fog": 0.5, "rain": 0.3, "snow": 0.2}}}
    write_json(tmp_path / "MOE_WIRNet" / "seed_5.json", kept)
    study = MoeWirNetStudy(frames, scale, tmp_path, "pytest", ("fog", "rain", "snow"), setups)
    configs = [study.config(Trial(name, 5)) for name in setups]
    for config in configs:
        changed = dataclasses.replace(config, model=configs[0].model, reweighting=configs[0].reweighting)
        assert changed == configs[0] and config.seed == 5 and config.batch % len(config.tasks) == 0
    for config, setup in zip(configs, setups.values(), strict=True):
        assert (config.model, config.reweighting.strategy) == (setup.model, setup.strategy)
        assert config.reweighting.static == ((0.5, 0.3, 0.2) if setup.strategy == "static" else ())


def test_the_static_row_has_the_mean_weights_of_the_papers_own_training_with_its_seed(
    reproduced: Callable[[str], Any],
) -> None:
    (street,) = reproduced("B").result["experiments"]
    static = next(row["training"] for row in street["rows"] if "static" in row["label"])
    for seed in ("0", "1"):
        ours = street["trainings"][street["ours"]][seed]["weights"]
        assert street["trainings"][static][seed]["weights"] == pytest.approx(ours, abs=1e-4)
    state = json.loads((reproduced("B").checkpoints / "street" / static / "seed_1" / "state.json").read_text())
    assert state["config"]["reweighting"]["strategy"] == "static"


def test_every_seed_starts_from_weights_of_its_own(reproduced: Callable[[str], Any]) -> None:
    """One step of Adam moves a weight by its rate, 0.001."""
    places = [reproduced("B").checkpoints / "street/MOE_WIRNet" / f"seed_{seed}" for seed in (0, 1)]
    one, other = (open_checkpoint(place).weights(NETWORK) for place in places)
    assert max((one[name] - other[name]).abs().max().item() for name in one) > 0.02


def test_a_rival_is_trained_and_judged_as_ours_is(reproduced: Callable[[str], Any]) -> None:
    found = reproduced("B")
    (street,) = found.result["experiments"]
    assert found.result["complexity"]["other, a rival"]["parameters"] == 84
    assert "| other, a rival | 0.00 |" in found.page
    assert list(street["rivals"]) == ["other"] and list(street["rivals"]["other"]) == ["0", "1"]
    ours, other = street["trainings"][street["ours"]]["1"], street["rivals"]["other"]["1"]
    assert list(other["weathers"]) == list(ours["weathers"]) and other["parameters"] == 84
    states = [
        json.loads((found.checkpoints / "street" / place / "seed_1" / "state.json").read_text())["config"]
        for place in ("MOE_WIRNet", "rivals/other")
    ]
    for setting in ("steps", "batch", "seed", "learning_rate", "frames"):
        assert states[0][setting] == states[1][setting]
    assert "| other (0.00 M) |" in found.page


def test_only_named_trainings_run_beside_the_papers_own() -> None:
    found, setups = chosen(QUICK, rows(QUICK, ABLATIONS), ["k_80", "RCI_alone"])
    assert set(setups) == {"MOE_WIRNet", "k_80", "RCI_alone"}
    assert {row.label for row in found} >= {"k = 80 %", "RCI alone", "RCI and ACI (ORI)", "k = 70 %"}
    with pytest.raises(ValueError, match="--only: no training nothing in these tables; there are MOE_WIRNet"):
        chosen(QUICK, rows(QUICK, ABLATIONS), ["nothing"])
    texts = [f.claim.text for f in findings(made_up({}) | {"rows": made_up_rows(found)})]
    assert texts == ["RCI and ACI over RCI alone", "k = 70 % best"]


def test_the_night_scale_has_windows_of_its_own_in_figure_6() -> None:
    scale = SCALES["night"](0)
    found = rows(scale.training.model, ABLATIONS, scale.share_window)
    windows = {(row.table == "figure-6", row.setup.model.window) for row in found}
    assert windows == {(True, 8), (False, 4)}
    assert scale.training.gate_rate == 30 and scale.training.tasks == scale.tasks


def test_networks_of_one_seed_begin_alike_as_far_as_they_can() -> None:
    base = MoeWirNetConfig(6, (1, 1, 1, 1), 1, window=2, patch=2)
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


def made_up_rows(found: Sequence[TableRow]) -> list[dict[str, str]]:
    names = {setup: name for name, setup in trainings(QUICK, found).items()}
    return [{"table": row.table, "label": row.label, "training": names[row.setup]} for row in found]


def made_up(gains: dict[str, float]) -> dict[str, Any]:
    """An experiment in which every training has 20 dB, and these have more."""
    found = rows(QUICK, ABLATIONS)
    setups = trainings(QUICK, found)

    def seeds(name: str) -> dict[str, Any]:
        return {
            str(seed): {
                "weathers": {w: {"psnr_y": 20 + seed + 0.01 * seed * len(name) + gains.get(name, 0)} for w in "ab"}
            }
            for seed in range(3)
        }

    return {
        "seeds": [0, 1, 2],
        "rows": made_up_rows(found),
        "trainings": {name: seeds(name) for name in setups},
    }


def test_the_claims_of_made_up_figures() -> None:
    found = {f.claim.text: f for f in findings(made_up({"MOE_WIRNet": 5, "e_channel": 20, "RCI_alone": 5}))}
    assert found["asymmetric routing over the other combinations"].verdict == HOLDS
    assert len(found["asymmetric routing over the other combinations"].over) == 3
    assert found["three experts over fewer"].verdict == FAILS
    assert found["RCI and ACI over no reweighting"].verdict == HOLDS
    assert found["RCI and ACI over RCI alone"].verdict == FAILS  # equal
    assert found["k = 70 % best"].verdict == HOLDS and len(found["k = 70 % best"].over) == 5


def test_figure_6_is_drawn_over_k(tmp_path: Path) -> None:
    draw_share(made_up({"k_80": 1}), tmp_path / "figure.svg")
    assert "share of the keys" in (tmp_path / "figure.svg").read_text()


def test_tables_run_if_their_data_are_there_and_the_others_are_named() -> None:
    quick, full = SCALES["quick"](0), SCALES["full"](0)
    assert plan({}, quick, TABLES) == [("street", ABLATIONS)] and plan({}, full, TABLES) == []
    assert plan({"camvid": Path("c"), "foundir": Path("f")}, full, ["5", "2"]) == [("street", ("5",))]
    bench, found = {"weatherbench": Path("w")}, {"foundir": Path("f"), "foundir-test": Path("t")}
    assert plan(bench | found, full, TABLES) == [("weatherbench", ("1", *ABLATIONS)), ("foundir", ("2",))]
    rest = {"all-weather": Path("a"), "all-weather-test": Path("b")}
    assert plan(rest, full, TABLES) == [("all-weather", ("all-weather",))]
    assert missing(bench | found | rest, TABLES) == []
    lines = missing(bench, TABLES)
    assert [line.split(":")[0] for line in lines] == ["Table 2", "All-Weather (not in the paper)"]


def test_all_weathers_lists_are_divided_by_weather_and_one_without_frames_is_named(tmp_path: Path) -> None:
    datasets.all_weather(tmp_path)
    (tmp_path / "test.txt").write_text("input/0_rain.png\n")
    found = listed(tmp_path)
    assert {task: len(pairs) for task, pairs in found.items()} == {"rain": 1, "raindrop": 2, "snow": 1}
    assert found["rain"].source.name == "All-Weather" and found["snow"][0].clear_HW3.mean() > 150
    (tmp_path / "allweather.txt").unlink()
    with pytest.raises(ValueError, match="name no frame in rain"):
        listed(tmp_path)
    (tmp_path / "test.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no list of frames"):
        listed(tmp_path)


def test_weatherbench_gives_a_row_of_table_1(tmp_path: Path) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    for weather in ("haze", "rain", "snow"):
        for split in ("train", "test"):
            for kind, value in (("input", 60), ("target", 200)):
                datasets.picture(root / weather / split / kind / "a.png", value, (48, 72))
    options = ["--smoke", "--threads", "1", "--jobs", "1", "--tables", "1", "--seeds", "1"]
    assert main(["B", *options, "--data", f"weatherbench={root}", "--out", str(out)]) == 0
    (experiment,) = json.loads((out / "results" / "B.json").read_text())["experiments"]
    name, haze, *_, average = our_line(experiment)
    assert name == "MOE-WIRNet, ours" and haze in (page := published([experiment])) and average in page
    assert "| MWFormer | 24.42 / 0.7462 |" in (out / "results" / "B.md").read_text()
    state = json.loads((out / "B_smoke/weatherbench/MOE_WIRNet/seed_0/state.json").read_text())
    assert [source["name"] for source in state["sources"]] == ["WeatherBench"]


def test_table_5_has_the_four_combinations_and_ours_with_every_reading() -> None:
    rows = routing_rows(MoeWirNetConfig())
    sides = [(row.encoder.kind, row.decoder.kind) for row in rows.values()]
    assert sides[:4] == [("soft", "soft"), ("uniform", "uniform"), ("uniform", "soft"), ("soft", "uniform")]
    assert sides[4:6] == [("soft", "argmax"), ("soft", "top_k")]
    assert rows["soft encoder, hard decoder"] == MoeWirNetConfig()
    assert rows["soft encoder that sees the image, hard decoder"].encoder.gating == "image"


def test_table_6_and_figure_6_change_one_thing_only() -> None:
    base = MoeWirNetConfig()
    for row in expert_rows(base).values():
        assert dataclasses.replace(row, experts=base.experts, plain=False) == base
    assert [row.share for row in share_rows(base).values()] == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
