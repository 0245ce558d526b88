"""Reproducing paper C (a reconstruction): its methods, its record of conflict, and its sentences."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from training.loop.checkpoint import open_checkpoint
from training.multitask import combination
from training.multitask.combination import MetaVector
from training.multitask.homogenisation import HomogenisationConfig
from training.recipes.paper_c.deploy import restore
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK
from training.recipes.paper_c.recipe import PAPER_C
from training.reproduce.frames import ClearFrames, street_frames, unseen_drives
from training.reproduce.paper_c import rows as paper_c_rows
from training.reproduce.paper_c.frames import Judges, judges, mixed
from training.reproduce.paper_c.reading import reading
from training.reproduce.paper_c.report import method_table
from training.reproduce.paper_c.rows import NAMES, OURS, ROWS, SCALES, SHARING, available
from training.reproduce.paper_c.trainings import MuirfStudy, Recorded, binned, length, opposed
from training.reproduce.scores import keeps_clear
from training.reproduce.study import Trial

WEATHER = "router.weather.weight"

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_command_trains_every_method_with_every_seed_in_json_and_in_words(
    reproduced: Callable[[str], Any],
) -> None:
    result, page = reproduced("C").result, reproduced("C").page
    assert list(result["trainings"]) == ["sum", "mvgh_direction", "film", "mvgh"]
    for row, seeds in result["trainings"].items():
        assert list(seeds) == ["0", "1"]
        found = [one["weathers"]["rain"]["psnr"] for one in seeds.values()]
        assert f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}" in page and result["rows"][row] in page
    assert result["reconstruction"] in page and all(line in page for line in reading(result))


def test_each_training_has_its_scores_its_sharing_its_router_and_its_curves(reproduced: Callable[[str], Any]) -> None:
    result = reproduced("C").result
    ours, plain = (result["trainings"][row]["1"] for row in (OURS, "sum"))
    assert list(ours["weathers"]) == result["weathers"] == ["clear", "fog", "rain", "snow"]
    assert result["degraded"]["clear"]["identical"] == 1 and result["degraded"]["fog"]["identical"] == 0
    assert set(ours["shared"]["fog"]) == {
        f"{at}.1.{which}" for at in ("encoder1", "encoder2", "decoder1") for which in ("first", "second")
    }
    assert ours["router"]["procedural"]["frames"] == 8 and 0 <= ours["router"]["procedural"]["error_after"] <= 1
    assert set(ours["posterior"]) == {*result["weathers"], "fog + rain", "fog + snow", "rain + snow"}
    assert sum(ours["example"]["fog + rain"].values()) == pytest.approx(1, abs=3e-4)
    assert list(ours["by_label"]) == result["weathers"] and ours["by_label"]["clear"]["identical"] == 1
    assert set(ours["curves"]) == {"conflict", "conflict_after", "opposed", "length", "own_length"}
    assert set(plain["curves"]) == {"conflict", "opposed", "length", "own_length"}
    assert len(ours["curves"]["conflict"]) == 2 and 0 <= ours["curves"]["conflict"][0] <= 1


def test_a_rival_that_is_told_the_weather_stands_beside_ours(reproduced: Callable[[str], Any]) -> None:
    result, page = reproduced("C").result, reproduced("C").page
    assert list(result["rivals"]["told"]["0"]["weathers"]) == result["weathers"]
    assert "| told (0.00 M, told the weather) |" in page and "| MVGH, as deployed |" in page


def test_methods_of_a_seed_begin_with_the_same_weights_and_are_calibrated_at_the_end(
    reproduced: Callable[[str], Any],
) -> None:
    trainings = reproduced("C").result["trainings"]
    saved = open_checkpoint(reproduced("C").checkpoints / "mvgh_direction" / "seed_1")
    config = PAPER_C.read(saved)
    temperature = restore(saved, config.model).router.temperature.item()
    assert temperature == pytest.approx(trainings["mvgh_direction"]["1"]["temperature"], abs=1e-4) != 1
    assert config.homogenisation.magnitude is False and config.seed == 1
    first = [trainings[row]["1"]["curves"]["conflict"][0] for row in ("sum", "mvgh")]
    assert first[0] == first[1]  # of the first step: the same gradients
    places = ("router/seed_1", "router/seed_0", "mvgh/seed_1", "film/seed_1")
    posterior = [open_checkpoint(reproduced("C").checkpoints / place).weights(NETWORK)[WEATHER] for place in places]
    assert torch.equal(posterior[0], posterior[2]) and torch.equal(posterior[0], posterior[3])
    assert not torch.equal(posterior[0], posterior[1])


def test_every_update_is_as_long_as_the_sum_of_the_gradients(reproduced: Callable[[str], Any]) -> None:
    """At the first step all rows that share channels in one way have the same gradients."""
    trainings = reproduced("C").result["trainings"]
    first = {row: trainings[row]["0"]["curves"] for row in ("sum", "mvgh", "mvgh_direction")}
    assert len({curves["length"][0] for curves in first.values()}) == 1
    assert first["sum"]["own_length"][0] == pytest.approx(first["sum"]["length"][0], abs=1e-3)
    assert first["mvgh"]["own_length"][0] < 0.9 * first["mvgh"]["length"][0]


def test_the_night_has_more_seeds_for_rows_that_differ_less() -> None:
    rows = ("sum", "frozen_mask", "nothing_shared", "plain_unet", "film", OURS, "mvgh_magnitude", "pcgrad")
    trials = SCALES["night"](3).trials(rows)
    assert trials[0] == Trial("sum", 3) and len(trials) == len(set(trials)) == 51
    counts = {row: sum(trial.row == row for trial in trials) for row in rows}
    assert list(counts.values()) == [10, 10, 10, 3, 3, 5, 5, 5]
    assert {trial.seed for trial in trials if trial.row == "film"} == {3, 4, 5}
    assert len(SCALES["night"](0, 2).trials(rows)) == 2 * len(rows)


def test_judging_by_label_and_as_deployed_differ_only_in_the_router_and_both_see_whole_frames() -> None:
    scale = SCALES["smoke"](0)
    frames = street_frames(scale.training.data, 1)
    seen = judges(frames, {}, scale)
    for weather in scale.training.tasks:
        (shown, *_), (whole, *_) = seen.restoration[weather][0], next(frames.judged(weather))
        assert np.array_equal(shown, whole)
    assert all(SCALES[name](0).window is None for name in SCALES)

    torch.manual_seed(0)
    net = Muirf(scale.training.model).eval()
    with torch.no_grad():
        for parameter in (*net.specific_parameters, *net.head.parameters()):
            parameter.add_(0.2 * torch.randn_like(parameter))
        net.router.weather.weight.zero_()
        net.router.weather.bias.copy_(torch.tensor([0.0, 0.0, 90.0, 0.0]))  # it takes everything for rain
    study = MuirfStudy(frames, scale, Path("nowhere"), "pytest", seen, {})
    found = study.judge(net)
    assert found["by_label"]["rain"] == found["weathers"]["rain"]
    assert found["by_label"]["fog"] != found["weathers"]["fog"]
    assert found["by_label"]["clear"]["identical"] == 1 and found["weathers"]["clear"]["identical"] == 0


@pytest.mark.parametrize(
    ("identical", "psnr", "kept"), [(4, 100.0, True), (1, 50.0, True), (1, 49.9, False), (0, 25.0, False)]
)
def test_clear_frames_are_a_constraint_of_50_db(identical: int, psnr: float, kept: bool) -> None:
    assert keeps_clear({"frames": 4, "identical": identical, "psnr": psnr}) == kept


def test_rows_differ_only_in_how_they_join_gradients_or_share_channels() -> None:
    frames = ClearFrames([], [], "nothing", ())
    rows = {row.name: row for row in ROWS}
    study = MuirfStudy(frames, SCALES["quick"](0), Path("nowhere"), "pytest", Judges({}, [], {}, {}), rows)
    configs = [study.config(Trial(name, 5)) for name in NAMES]
    for config in configs:
        same = dataclasses.replace(
            config,
            method=configs[0].method,
            homogenisation=configs[0].homogenisation,
            model=dataclasses.replace(config.model, sharing="image"),
            mask_rate=1.0,
        )
        assert same == configs[0] and config.seed == 5
    assert len(configs) == len(set(configs))
    assert [config.mask_rate for config in configs if config.model.sharing == "relaxed"] == [10.0]
    assert {rows[name].method for name in SHARING} == {"sum"}


def test_a_method_whose_solver_is_missing_is_named_and_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_solver(method: str, *rest: Any) -> Any:
        if method == "nash_mtl":
            raise ImportError("install a solver")
        return combination.build(method, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(paper_c_rows, "build", without_solver)
    found, absent = available(NAMES)
    assert [row.name for row in found] == [name for name in NAMES if name != "nash_mtl"]
    assert absent == ["Nash-MTL: install a solver"]
    assert [row.name for row in available(["mgda"])[0]] == ["mgda", OURS]


def test_a_recorded_combination_does_the_same_and_goes_on_from_its_state() -> None:
    chance = torch.Generator().manual_seed(0)
    steps = [torch.randn(4, 7, generator=chance) for _ in range(4)]
    plain, whole, first = (MetaVector(HomogenisationConfig()) for _ in range(3))
    expected = [plain.combine(grad, torch.ones(4))[0] for grad in steps]
    one, begun = Recorded(whole), Recorded(first)
    found = [one.combine(grad, torch.ones(4))[0] for grad in steps]
    assert all(map(torch.equal, found, expected))
    for grad in steps[:2]:
        begun.combine(grad, torch.ones(4))
    resumed = Recorded(MetaVector(HomogenisationConfig()))
    resumed.load_state_dict(begun.state_dict())
    for grad in steps[2:]:
        resumed.combine(grad, torch.ones(4))
    assert resumed.scores == one.scores and len(one.scores["conflict_after"]) == 4
    assert {name: value.tolist() for name, value in resumed.state_dict().items()} == {
        name: value.tolist() for name, value in one.state_dict().items()
    }


@pytest.mark.parametrize(
    ("update", "share"), [([1.0, 1.0], 0.0), ([1.0, -1.0], 0.5), ([-1.0, -1.0], 1.0), ([0.0, 0.0], 0.0)]
)
def test_the_update_opposes_tasks_whose_loss_it_raises(update: list[float], share: float) -> None:
    grad_TP: Tensor = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    assert opposed(grad_TP, torch.tensor(update)).item() == share


def test_an_update_is_measured_in_mean_lengths_of_the_gradients_that_there_are() -> None:
    grad_TP: Tensor = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    assert length(grad_TP, torch.tensor([0.0, 7.0])).item() == 2


def test_curves_are_means_over_windows_of_steps() -> None:
    assert binned([0.0, 1.0, 1.0, 1.0], 2) == [0.5, 1.0]
    assert binned([0.25], 40) == [0.25]


def test_mixed_frames_have_both_weathers() -> None:
    scale = SCALES["smoke"](0)
    sample = unseen_drives(scale.training.data, 1)[0]
    found = {name: images[0].astype(int) for name, images in mixed([sample], scale.training.tasks).items()}
    assert (found["clear"] == sample.image_HW3).all()
    for name in ("fog", "rain"):
        assert np.abs(found["fog + rain"] - found[name]).mean() > 1
    assert list(mixed([sample], ("clear", "fog"))) == ["clear", "fog"]


def made_up(gains: dict[str, float], seeds: int = 3) -> dict[str, Any]:
    """A result in which every method has 20 dB and more, and these as much more or less."""

    def one(row: str, seed: int) -> dict[str, Any]:
        value = 20 + seed + 0.001 * seed * len(row) + gains.get(row, 0)
        scores = {"frames": 4, "identical": 0, "psnr": value, "ssim": 0.5 + value / 100}
        clear = {"frames": 4, "identical": 4 if row == "sum" else 1, "psnr": 40.0, "ssim": 1.0}
        return {
            "weathers": {"clear": clear, "fog": scores},
            "by_label": {"clear": clear | {"identical": 4}, "fog": scores | {"psnr": value + 1}},
            "curves": {
                "conflict": [0.5, 0.4 + 0.01 * seed],
                "conflict_after": [0.2, 0.1],
                "opposed": [0.0 if row == OURS else 0.2],
                "length": [4.0],
            },
            "router": {"procedural": {"accuracy": 0.9, "error_before": 0.1 + 0.01 * seed, "error_after": 0.2}},
        }

    rows = {row.name: row.title for row in ROWS}
    clear = {"frames": 4, "identical": 4, "psnr": 60.0, "ssim": 1.0}
    return {
        "rows": rows,
        "weathers": ["clear", "fog"],
        "degraded": {"clear": clear, "fog": {"frames": 4, "identical": 0, "psnr": 15.0, "ssim": 0.4}},
        "trainings": {row: {str(seed): one(row, seed) for seed in range(seeds)} for row in rows},
    }


def test_the_sentences_say_better_worse_and_undecided_by_the_rule() -> None:
    result = made_up({OURS: 0.5, "cagrad": 1.0, "sum": 0.5, "plain_unet": -0.5, "nothing_shared": 0.5})
    psnr, ssim, best, sharing, gains, clear, own, updates, router = reading(result)
    assert psnr.startswith("Mean PSNR over the degraded weathers, by label: MVGH is better than PCGrad, MGDA")
    assert psnr.endswith("not better than sum, CAGrad.") and "U-Net" not in psnr
    assert "not better than sum, CAGrad" in ssim and "highest mean PSNR by label is that of CAGrad" in best
    assert "are better than sum, plain U-Net, sum, FiLM U-Net, sum, frozen random mask" in sharing
    assert "not better than sum, nothing shared" in sharing
    assert "restores fog (+6" in gains and "clear" not in gains
    assert "50 dB are required, and kept in 0 of 3 seeds" in clear and "identical in 3 of 12, else 40.00" in clear
    assert "MVGH lowers" in own and "oppose fewer" in updates and "does not lower its calibration error" in router


def test_one_seed_decides_nothing() -> None:
    lines = reading(made_up({OURS: 5.0}, seeds=1))
    assert "not decided against sum, PCGrad" in lines[0] and "does not clearly lower" in lines[-1]


def test_the_table_has_the_degraded_frames_first_and_means_without_clear_ones() -> None:
    found = method_table(made_up({}), "psnr").splitlines()
    columns = "clear, by label | clear, deployed | fog, by label | fog, deployed"
    means = "mean without clear, by label | mean without clear, deployed"
    assert found[0] == f"|  | {columns} | {means} | clear at 50 dB |"
    assert found[2] == "| degraded | identical | identical | 15.00 | 15.00 | 15.00 | 15.00 |  |"
    restored = "22.00 ± 1.00 | 21.00 ± 1.00"
    assert found[3].startswith(f"| sum | identical | identical | {restored} | {restored} | 3 of 3 |")
    assert "| identical | identical in 3 of 12, else 40.00 ± 0.00 |" in found[4] and found[4].endswith("| 0 of 3 |")
