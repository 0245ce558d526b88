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
from training.recipes.paper_c.recipe import PAPER_C
from training.reproduce.frames import ClearFrames, unseen_drives
from training.reproduce.paper_c import rows as paper_c_rows
from training.reproduce.paper_c.frames import Judges, mixed
from training.reproduce.paper_c.reading import reading
from training.reproduce.paper_c.report import method_table
from training.reproduce.paper_c.rows import NAMES, OURS, ROWS, SCALES, available
from training.reproduce.paper_c.trainings import MuirfStudy, Recorded, binned, opposed
from training.reproduce.study import Trial

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_command_trains_every_method_with_every_seed_in_json_and_in_words(
    reproduced: Callable[[str], Any],
) -> None:
    result, page = reproduced("C").result, reproduced("C").page
    assert list(result["trainings"]) == ["sum", "mvgh_direction", "mvgh"]
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
    assert set(ours["curves"]) == {"conflict", "conflict_after", "opposed"}
    assert set(plain["curves"]) == {"conflict", "opposed"}
    assert len(ours["curves"]["conflict"]) == 2 and 0 <= ours["curves"]["conflict"][0] <= 1


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


def test_rows_differ_only_in_how_they_join_gradients() -> None:
    frames = ClearFrames([], [], "nothing", ())
    rows = {row.name: row for row in ROWS}
    study = MuirfStudy(frames, SCALES["quick"](0), Path("nowhere"), "pytest", Judges({}, [], {}, {}), rows)
    configs = [study.config(Trial(name, 5)) for name in NAMES]
    for config in configs:
        same = dataclasses.replace(config, method=configs[0].method, homogenisation=configs[0].homogenisation)
        assert same == configs[0] and config.seed == 5
    assert len(configs) == len(set(configs))


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
            "curves": {
                "conflict": [0.5, 0.4 + 0.01 * seed],
                "conflict_after": [0.2, 0.1],
                "opposed": [0.0 if row == OURS else 0.2],
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
    result = made_up({OURS: 0.5, "cagrad": 1.0, "sum": 0.5})
    psnr, ssim, best, gains, clear, own, updates, router = reading(result)
    assert psnr.startswith("Mean PSNR over the degraded weathers: MVGH is better than PCGrad, MGDA")
    assert psnr.endswith("worse than CAGrad.") and "not distinguishable from sum" in psnr
    assert "worse than CAGrad" in ssim and "highest mean PSNR is that of CAGrad" in best
    assert "restores fog (+6" in gains and "clear" not in gains
    assert "identical in 3 of 12, else 40.00" in clear
    assert "lowers" in own and "fewer" in updates and "raises its calibration error" in router


def test_one_seed_decides_nothing() -> None:
    lines = reading(made_up({OURS: 5.0}, seeds=1))
    assert "not distinguishable from sum, PCGrad" in lines[0] and "does not clearly change" in lines[-1]


def test_the_table_has_the_degraded_frames_first_and_means_without_clear_ones() -> None:
    found = method_table(made_up({}), "psnr").splitlines()
    assert found[0] == "|  | clear | fog | mean without clear |"
    assert found[2] == "| degraded | identical | 15.00 | 15.00 |"
    assert found[3].startswith("| sum | identical | 21.00 ± 1.00 | 21.00 ± 1.00 |")
    assert "identical in 3 of 12, else 40.00 ± 0.00" in found[4]
