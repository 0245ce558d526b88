"""What every recipe keeps: bits when resumed, the record, the licence of what was read, parity of the model file."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import datasets
from tests.support.runs import (
    assert_same_model,
    handed_out,
    judge,
    replayed,
    run,
    run_until,
    smoke,
    state,
    takes,
    tensors,
    unseen,
)
from tests.support.tasks import assert_close
from training import evaluate, export, recipes, train
from training.config import places
from training.data import pool
from training.data.source import PROCEDURAL
from training.deployable import metrics_file
from training.loop import processes
from training.loop.checkpoint import CheckpointError, open_checkpoint
from training.recipe import Recipe
from weather_perception.core.program import Program, open_program

WEATHER_NET, STREET_NET, TEACHER, PAPER_A, PAPER_B = (
    recipes.recipe_named(name) for name in ("weather_net", "street_net", "teacher", "paper_a", "paper_b")
)
AVERAGED = ("--average-decay", "0.5")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=recipes.RECIPES, ids=lambda recipe: recipe.name)
def recipe(request: pytest.FixtureRequest) -> Recipe[Any]:
    found: Recipe[Any] = request.param
    return found


@pytest.fixture(scope="module", autouse=True)
def _rendered_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_render", cache(pool._render))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of our own scenes that holds a segmenter."""
    folder = tmp_path_factory.mktemp("base") / "run"
    assert run(WEATHER_NET, folder, *AVERAGED, "--tensorboard", str(folder.with_name("board"))) == 0
    assert list(folder.with_name("board").iterdir())
    return folder


@pytest.fixture(scope="module")
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("a_made_up_camvid")
    for name in ("0001TP_1", "0006R0_1"):
        datasets.picture(root / f"train/images/{name}.png")
        datasets.label_map(root / f"train/labels/{name}.png", 0, 3, 11)
    return root


@pytest.fixture(scope="module")
def camvid_base(camvid: Path, base: Path) -> Path:
    folder = base.with_name("camvid")
    assert run(WEATHER_NET, folder, "--steps", "1", "--workers", "0", "--camvid", str(camvid)) == 0
    return folder


@pytest.fixture(scope="module")
def trained(recipe: Recipe[Any], base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped, with averaged weights."""
    if recipe is WEATHER_NET:
        return base
    folder = tmp_path_factory.mktemp(recipe.name) / "run"
    assert run(recipe, folder, *AVERAGED, segmenter=base) == 0
    return folder


@pytest.fixture(scope="module")
def short(recipe: Recipe[Any], base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step, without averaged weights."""
    folder = tmp_path_factory.mktemp(recipe.name) / "short"
    assert run(recipe, folder, "--steps", "1", "--workers", "0", segmenter=base) == 0
    return folder


@pytest.fixture(scope="module")
def mask(trained: Path, base: Path) -> list[str]:
    """The option that names the segmenter for the mask, for a checkpoint that holds none."""
    return [] if state(trained)["segmenter"] else ["--segmenter", str(base)]


@pytest.fixture(scope="module")
def metrics(trained: Path, mask: list[str]) -> dict[str, Any]:
    assert judge(trained, "--averaged", *mask) == 0
    found: dict[str, Any] = json.loads(metrics_file(trained, averaged=True).read_text())
    return found


@pytest.fixture(scope="module")
def program(trained: Path, mask: list[str], metrics: dict[str, Any]) -> Program:
    """The averaged weights as a model file, after they were judged; their own segmenter's beside it."""
    beside = [] if mask else ["--base", str(trained.with_name("base.pt2"))]
    return handed_out(trained, trained.with_name("model.pt2"), "--averaged", *mask, *beside)


def config_of(recipe: Recipe[Any], base: Path) -> Any:
    """The preset for tests, with the segmenter that its recipe takes."""
    config = recipe.presets[smoke(recipe)]()
    return dataclasses.replace(config, segmenter=str(base)) if takes(recipe, "--segmenter") else config


def test_a_stopped_and_resumed_run_has_the_bits_of_one_that_was_not(
    recipe: Recipe[Any], trained: Path, base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run_until(3, recipe, folder, "--workers", "0", *AVERAGED, segmenter=base)
    assert state(folder)["step"] == 3
    assert run(recipe, folder, "--resume", "--workers", "0", *AVERAGED, segmenter=base) == 0
    assert_close(tensors(folder), tensors(trained))
    workers = {"loop": state(trained)["loop"] | {"workers": 0}}
    assert state(folder) == state(trained) | workers


def test_the_record_names_the_recipe_the_sources_the_command_and_the_step(recipe: Recipe[Any], trained: Path) -> None:
    found = state(trained)
    assert (found["recipe"], found["sources"]) == (recipe.name, [PROCEDURAL._asdict()])
    *earlier, own = found["command"].split(" && ")
    assert own.startswith(f"python -m training.train {smoke(recipe)} --steps ")
    assert earlier == (["python -m training.train smoke --steps 4"] if takes(recipe, "--segmenter") else [])
    assert found["step"] == sum(found["stages"].values()) and found["stage"] == list(found["stages"])[-1]
    assert found["scalars"] and recipe.presets[smoke(recipe)]().steps == found["config"]["steps"]


def test_a_finished_run_can_be_lengthened_but_not_begun_again(
    recipe: Recipe[Any], short: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(short, folder)
    assert run(recipe, folder, "--resume", "--steps", "2", "--workers", "0", segmenter=base) == 0
    assert state(folder)["step"] == state(short)["step"] + 1
    assert run(recipe, folder, segmenter=base) == 1
    assert "--resume" in capsys.readouterr().err
    assert run(recipe, folder, "--resume", "--steps", "1", "--workers", "0", segmenter=base) == 1
    assert "raise --steps" in capsys.readouterr().err


def test_another_setting_or_recipe_cannot_continue_it_and_is_named(
    recipe: Recipe[Any], trained: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(trained)
    config = config_of(recipe, base)
    other = dataclasses.replace(config, batch=2 * config.batch)
    with pytest.raises(CheckpointError, match=f"batch = {config.batch}, this run has {other.batch}"):
        train.train(recipe, other, trained, resume=True)
    another = PAPER_B if recipe is WEATHER_NET else WEATHER_NET
    assert run(another, trained, "--resume") == 1
    assert f"a run of {recipe.name}, not of {another.name}" in capsys.readouterr().err
    assert state(trained) == before


def test_places_of_this_machine_may_change_and_are_told_nowhere(
    recipe: Recipe[Any], trained: Path, base: Path, mask: list[str], tmp_path: Path
) -> None:
    config = config_of(recipe, base)
    fabric = processes.launch()
    moved = dataclasses.replace(recipe.begin(config, fabric), config=elsewhere(config, tmp_path))
    trainer = recipe.trainer(moved, fabric, config.loop())
    trainer.resume(trained)
    trainer.save(tmp_path / "run", {})
    assert str(tmp_path) in json.dumps(state(tmp_path / "run")["config"])
    assert str(tmp_path) not in state(tmp_path / "run")["command"]
    told = recipes.open_deployable(tmp_path / "run", *mask[1:]).manifest("model").to_json()
    assert str(tmp_path) not in told and str(base.parent) not in told


def elsewhere(config: Any, place: Path) -> Any:
    """The configuration with `place` for each of its places."""
    for name in places(config):
        config = replaced(config, name.split("."), str(place))
    return config


def replaced(config: Any, path: list[str], value: str) -> Any:
    name, *rest = path
    return dataclasses.replace(config, **{name: replaced(getattr(config, name), rest, value) if rest else value})


def test_our_own_scenes_are_under_our_own_licence(program: Program) -> None:
    training = program.manifest.training
    assert training["licence"] == "Apache-2.0" and training["data"] == [str(PROCEDURAL)]


def test_camvid_restricts_the_weights_to_research_and_stays_named_when_a_run_goes_on_without_it(
    recipe: Recipe[Any], camvid: Path, base: Path, mask: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run_until(1, recipe, folder, "--workers", "0", "--camvid", str(camvid), segmenter=base)
    for more in ([], ["--resume"]):
        if more:
            assert run(recipe, folder, *more, "--workers", "0", segmenter=base) == 0
        training = recipes.open_deployable(folder, *mask[1:]).training
        assert (
            training["licence"].startswith("research use only: learned from CamVid") and "CC BY" in training["licence"]
        )
        assert any("CamVid" in told and "Brostow" in told for told in training["data"])
        assert camvid.name not in json.dumps(training)


def test_weights_that_it_starts_from_or_is_handed_out_with_bring_their_licence(
    recipe: Recipe[Any], short: Path, camvid: Path, camvid_base: Path, tmp_path: Path
) -> None:
    folder, mask, start = short, [str(camvid_base)], camvid_base
    if recipe in (STREET_NET, TEACHER):  # --init takes a checkpoint of the same recipe
        start = tmp_path / "start"
        assert run(recipe, start, "--steps", "1", "--workers", "0", "--camvid", str(camvid)) == 0
    for option in ("--init", "--segmenter"):
        if takes(recipe, option):
            folder, mask = tmp_path / "run", []
            assert run(recipe, folder, "--steps", "1", "--workers", "0", option, str(start)) == 0
    training = recipes.open_deployable(folder, *mask).training
    assert training["licence"].startswith("research use only") and "CamVid" in " ".join(training["data"])
    first, *_, last = training["command"].split(" && ")
    both = {first, last}
    preset = smoke(recipe if recipe in (STREET_NET, TEACHER) else WEATHER_NET)
    assert f"python -m training.train {preset} --steps 1 --camvid CAMVID_ROOT" in both and len(both) == 2


def test_the_model_file_does_what_the_checkpoint_does_at_every_size(
    trained: Path, mask: list[str], program: Program
) -> None:
    assert_same_model(program.exported.module(), recipes.open_deployable(trained, *mask[1:], averaged=True).model)


def test_the_model_file_opens_in_seconds(program: Program) -> None:
    """Files are slow to open for the symbolic sizes that PyTorch must reason about, so those are counted."""
    tensors = [node.meta.get("val") for node in program.exported.graph.nodes]
    sizes = {str(size) for value in tensors if isinstance(value, torch.Tensor) for size in value.shape}
    assert len({size for size in sizes if not size.isdigit()}) <= 20, sorted(sizes)


def test_every_output_has_a_name_of_its_own(program: Program, trained: Path, mask: list[str]) -> None:
    manifest = program.manifest
    *_, weather_BK, gates_BG = program.exported.module()(torch.zeros(2, 40, 50, 3, dtype=torch.uint8))
    for names, numbers in ((manifest.weathers, weather_BK), (manifest.gates, gates_BG)):
        assert len(names) == len(set(names)) == numbers.shape[1]
    assert manifest.training["recipe"] == state(trained)["recipe"]
    assert manifest.training["config"]["name"] == state(trained)["config"]["name"]


def test_the_card_and_the_manifest_hold_the_measured_figures(
    recipe: Recipe[Any], program: Program, metrics: dict[str, Any]
) -> None:
    training, page = program.manifest.training, program.path.with_suffix(".md").read_text()
    rows = metrics["procedural"]
    assert all(rows["clear"]["psnr_degraded"] > row["psnr_degraded"] for name, row in rows.items() if name != "clear")
    assert training["metrics"] == metrics and training["averaged"]
    for condition, row in rows.items():
        measures = [row[side][over] for side in ("original", "refined") for over in ("set", "image")]
        assert all(found.keys() == {"pa", "mpa", "miou", "fwiou"} and 0 <= found["miou"] <= 1 for found in measures)
        assert row.get("weather_accuracy") in ((0, 1) if condition in program.manifest.weathers else (None,))
        degraded = "identical" if condition == "clear" else f"{row['psnr_degraded']:.2f}"
        assert f"| {condition.replace('_', ' ')} | 1 | {degraded}" in page
        restored = "identical" if row["psnr_restored"] == 100 else f"{row['psnr_restored']:.2f}"
        assert restored in page and f"{row['refined']['set']['miou']:.3f}" in page
    told = [program.sha256, training["licence"], training["command"], str(PROCEDURAL), training.get("method", "")]
    assert all(text in page for text in told)
    assert ", ".join(program.manifest.gates) in page and training.get("method", recipe.title) == recipe.title


def test_the_averaged_weights_are_others_than_the_last_ones_statistics_included(
    recipe: Recipe[Any], trained: Path, mask: list[str]
) -> None:
    last, averaged = (
        recipes.open_deployable(trained, *mask[1:], averaged=value).model.state_dict() for value in (False, True)
    )
    other = {name for name, value in last.items() if not value.equal(averaged[name])}
    assert other and (recipe is TEACHER) == any(name.startswith("segmenter.") for name in other)
    assert any(name.endswith("running_mean") for name in other) == (recipe in (WEATHER_NET, STREET_NET, TEACHER))


def test_averages_that_a_run_did_not_keep_are_refused_with_the_remedy(
    short: Path, mask: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(short), "--averaged", *mask, "--out", str(tmp_path / "model.pt2")]) == 1
    assert evaluate.main([str(short), "--averaged", *mask]) == 1
    assert capsys.readouterr().err.count("they need a run with --average-decay") == 2


def test_replay_answers_every_frame_and_publishes_weathers_and_gates_by_name(
    program: Program, mask: list[str], tmp_path: Path
) -> None:
    beside = [] if mask else ["--baseline", str(program.path.with_name("base.pt2"))]
    metrics, readings = replayed(program.path, tmp_path, *beside)
    assert metrics["frames_received"] == metrics["frames_sent"] == len(readings) == 3
    fog, manifest = metrics["weathers"]["fog"], program.manifest
    assert fog["psnr_restored"] > 0 and 0 <= fog["miou_refined"] <= 1 and (fog["miou_base"] is None) == bool(mask)
    if manifest.weathers == ("unknown",):
        assert metrics["dominant_weather_frames"] == {} and metrics["weather_accuracy"] is None
        page = (tmp_path / "out/report.html").read_text()
        assert "seen as unknown" not in page and ("This model does not route" in page) != bool(manifest.gates)
    names = {f"weather.{name}" for name in manifest.weathers} | {f"gate.{name}" for name in manifest.gates}
    assert all(reading.values.keys() == names and reading.weather in manifest.weathers for reading in readings)


def test_the_base_segmenters_file_leaves_the_image_alone_and_says_nothing_of_the_weather(
    program: Program, trained: Path, mask: list[str]
) -> None:
    path = program.path.with_name("base.pt2")
    assert path.exists() != bool(mask)
    if not mask:
        base, frame = open_program(path), torch.from_numpy(unseen().image_HW3)[None]
        assert (base.manifest.weathers, base.manifest.gates) == (("unknown",), ())
        with torch.inference_mode():
            restored, labels, *_ = base.exported.module()(frame)
            original = recipes.open_deployable(trained, averaged=True).base(frame)[1]
        assert torch.equal(restored, frame)
        assert (labels == original).float().mean() > 0.999


def test_a_segmenter_is_needed_by_a_checkpoint_without_one_and_refused_by_one_with_its_own(
    short: Path, mask: list[str], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [] if mask else ["--segmenter", str(base)]
    remedy = "name one with --segmenter" if mask else "it has a segmenter of its own; leave out --segmenter"
    assert export.main([str(short), "--out", str(tmp_path / "model.pt2"), *given]) == 1
    assert evaluate.main([str(short), *given]) == 1
    assert capsys.readouterr().err.count(remedy) == 2
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_serves_as_segmenter_if_it_holds_one_and_says_so_if_not(
    recipe: Recipe[Any], short: Path, mask: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(PAPER_A, tmp_path / "run", "--workers", "0", "--steps", "1", segmenter=short)
    message = capsys.readouterr().err
    assert done == bool(mask) and "train first" not in message
    assert (f"a checkpoint of {recipe.name}, which holds no segmenter" in message) == bool(mask)


def test_options_of_other_recipes_are_refused_with_those_that_take_them(
    recipe: Recipe[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = {word for other in recipes.RECIPES for word in train.own_options(other).split() if word.startswith("--")}
    refused = sorted(option for option in every if not takes(recipe, option))
    assert refused
    for option in refused:
        with pytest.raises(SystemExit) as stopped:
            run(recipe, tmp_path / "run", option, "value")
        assert stopped.value.code == 2
        message = capsys.readouterr().err
        assert f"{option}: {smoke(recipe)} does not take it" in message
        assert ("training.export --segmenter" in message) == (option == "--segmenter")
        for other in recipes.RECIPES:
            assert (other.title in message.partition("it belongs to")[2]) == takes(other, option)


def test_the_presets_have_their_names_and_the_seed_alone_gives_their_first_weights(
    recipe: Recipe[Any], base: Path
) -> None:
    for name, preset in recipe.presets.items():
        assert preset().name == name
    config = config_of(recipe, base)
    first, second = (recipe.begin(config, processes.launch()).networks for _ in range(2))
    for name, net in first.items():
        assert_close(dict(second[name].state_dict()), dict(net.state_dict()))


def test_the_network_says_which_sizes_of_a_frame_it_takes(recipe: Recipe[Any]) -> None:
    net = recipe.frame(recipe.presets[smoke(recipe)]())
    with pytest.raises(ValueError, match=r"must be multiples of \d+, got 30 x 45"):
        net(torch.rand(1, 3, 30, 45))


def test_a_kill_while_a_checkpoint_is_written_leaves_the_old_one(short: Path, tmp_path: Path) -> None:
    shutil.copytree(short, tmp_path / "run.old")  # as a kill between the two renames leaves it
    assert_close(tensors(open_checkpoint(tmp_path / "run").folder), tensors(short))
