"""Paper C's commands (a reconstruction): trained, stopped, continued, calibrated, refused; handed out and replayed."""

import dataclasses
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from rosbags.highlevel import AnyReader
from torch import Tensor

from tests.support import tiny_joint as tiny
from tests.support.bags import Shot, write_bag
from training import evaluate, export, train
from training.config import ModelConfig, smoke
from training.data.degradations import WEATHERS, degrade
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.calibration import fit_temperature
from training.loop import checkpoint
from training.models.deploy import prepare
from training.open_checkpoint import open_checkpoint
from training.recipes.paper_c.config import PRESETS, paper_c_smoke
from training.recipes.paper_c.objective import NETWORK, muirf
from training.recipes.paper_c.recipe import assemble, examples, of_tasks, validation_frames, weather_logits
from training.segmenters.restore_checkpoint import restore_muirf
from weather_perception.core.program import Program
from weather_perception.replay.cli import main as replay

pytestmark = pytest.mark.usefixtures("one_thread")

FILES = (NETWORK, "optimizer", "restore_memory")


def arguments(folder: Path, *more: str) -> list[str]:
    return ["paper_c_smoke", "--threads", "1", "--out", str(folder), *more]


def tensors(folder: Path) -> dict[str, Tensor]:
    groups, _ = checkpoint.load(folder, *FILES)
    return {f"{file}.{name}": value for file, group in zip(FILES, groups, strict=True) for name, value in group.items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper_c") / "run"
    assert train.main(arguments(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def base(trained: Path) -> Path:
    """A deployable model's checkpoint, whose command says that it has seen CamVid."""
    config = dataclasses.replace(smoke(), model=ModelConfig(width4=8, width8=8, width16=8, segmenter_widths=(8, 8, 8)))
    folder = trained.with_name("base")
    train.build(config, train.loop_config(config)).save(folder, {})
    path = folder / checkpoint.STATE_FILE
    seen = {"command": "python -m training.train default --camvid CAMVID_ROOT"}
    path.write_text(json.dumps(json.loads(path.read_text()) | seen))
    return folder


@pytest.fixture(scope="module")
def program(trained: Path, base: Path) -> Program:
    """The model file that the command writes, as it reads it back."""
    written: list[Program] = []

    def write(*what: Any) -> Program:
        written.append(wrapped(*what))
        return written[-1]

    wrapped = export.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "write", write)
        patch.setattr(export, "SIZES", ((97, 131),))
        path = trained.with_name("muirf.pt2")
        assert export.main([str(trained), "--out", str(path), "--segmenter", str(base)]) == 0
    return written[0]


def test_a_stopped_and_resumed_run_has_the_bits_of_one_that_was_not(trained: Path, tmp_path: Path) -> None:
    config = paper_c_smoke()
    stopped = train.build(config, train.loop_config(config))
    coming = iter(train.batches(config, stopped))
    for _ in range(3):
        stopped.train_step([next(coming)])
    stopped.save(tmp_path / "run", {})
    assert train.main(arguments(tmp_path / "run", "--resume")) == 0
    expected, found = tensors(trained), tensors(tmp_path / "run")
    assert found.keys() == expected.keys() and "restore_memory.meta_P" in found
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_checkpoint_says_how_it_came_about_and_keeps_its_last_losses(trained: Path) -> None:
    net, state = restore_muirf(trained)
    assert net.config == paper_c_smoke().model and not net.training
    assert (state["step"], state["stage"]) == (4, "joint")
    assert state["command"] == "python -m training.train paper_c_smoke --steps 4"
    assert {"conflict", "conflict_after", *(f"loss_{weather}" for weather in WEATHERS)} <= set(state["scalars"])


def test_the_routers_temperature_is_the_one_that_frames_of_other_drives_ask_for(trained: Path) -> None:
    net, _ = restore_muirf(trained)
    frames = validation_frames(paper_c_smoke())
    assert [number for _, number in frames] == [0, 0, 1, 1, 2, 2, 3, 3]
    logits, labels = weather_logits(net, frames)
    assert net.router.temperature.item() == pytest.approx(fit_temperature(logits, labels), rel=1e-4) != 1
    for index in (0, 5):
        image, _ = prepare(torch.from_numpy(frames[index][0].copy())[None], 16)
        torch.testing.assert_close(net(image).routing.logits_BK[0], logits[index], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="kept unseen"):
        validation_frames(dataclasses.replace(paper_c_smoke(), validation_drives=UNSEEN_SEEDS_FROM))


def test_every_step_has_equally_many_examples_of_every_task() -> None:
    config = of_tasks(paper_c_smoke(), ("clear", "snow"))
    assert config.batch == 2 and assemble(config).networks[NETWORK].config.weathers == ("clear", "snow")
    drawn = [examples(config)[index] for index in range(4)]
    assert [int(example.weather) for example in drawn] == [0, 1, 0, 1]
    assert all(torch.equal(example.degraded_3HW, example.clear_3HW) == (int(example.weather) == 0) for example in drawn)


def test_another_method_and_other_tasks_are_recorded_and_restored(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    asked = ["--steps", "1", "--method", "imtl_g", "--tasks", "fog,rain,snow"]
    assert train.main(arguments(folder, *asked)) == 0
    net, state = restore_muirf(folder)
    assert net.config.weathers == ("fog", "rain", "snow") and state["config"]["method"] == "imtl_g"
    assert state["command"].endswith("--steps 1 --tasks fog,rain,snow --method imtl_g")


def test_the_presets_are_seeded_and_can_be_assembled() -> None:
    for name, preset in PRESETS.items():
        assert preset().name == name
    config = PRESETS["paper_c_quick"]()
    networks, stages, loop = assemble(config)
    again = assemble(config).networks
    assert all(map(torch.equal, networks[NETWORK].state_dict().values(), again[NETWORK].state_dict().values()))
    assert (stages[0].steps, loop.seed) == (config.steps, config.seed)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--segmenter", "a/b"], "training.export --segmenter"),
        (["--pairs", "somewhere"], "makes its degraded frames itself"),
        (["--tasks", "fog,volcano"], "volcano"),
        (["--tasks", "fog,fog"], "each once"),
        pytest.param(
            ["--method", "nash_mtl"], "ecos", marks=pytest.mark.skipif(bool(find_spec("ecos")), reason="it is here")
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(arguments(tmp_path / "run", *more)) == 1
    assert message in capsys.readouterr().err
    assert train.main(["paper_b_smoke", "--method", "sum", "--out", str(tmp_path / "b")]) == 1


def test_without_a_segmenter_nothing_is_written_and_the_error_says_what_to_name(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(trained), "--out", str(tmp_path / "muirf.pt2")]) == 1
    assert evaluate.main([str(trained)]) == 1
    assert capsys.readouterr().err.count("--segmenter") == 2
    assert not list(tmp_path.iterdir())


def test_the_manifest_and_the_card_name_the_weathers_the_gates_and_the_reconstruction(
    trained: Path, program: Program
) -> None:
    net, _ = restore_muirf(trained)
    manifest = program.manifest
    assert manifest.weathers == WEATHERS and manifest.gates == net.gate_names
    training = manifest.training
    assert "reconstruction" in training["method"] and "CC BY-NC" in training["licence"]
    assert training["temperature"] == pytest.approx(net.router.temperature.item(), abs=1e-4)
    assert training["command"].startswith("python -m training.train default --camvid CAMVID_ROOT && ")
    page = program.path.with_suffix(".md").read_text()
    assert "reconstruction from its abstract" in page and "shared.encoder1.1.first" in page


def test_every_weather_is_judged_before_and_after(trained: Path, base: Path) -> None:
    rows = open_checkpoint(trained, str(base)).evaluate([Drive(UNSEEN_SEEDS_FROM, 66, 90).render(5.0)])
    assert list(rows) == list(WEATHERS) and rows["clear"]["psnr_degraded"] == 100 > rows["fog"]["psnr_degraded"]
    for row in rows.values():
        assert row["frames"] == 1 and row["weather_accuracy"] in (0, 1) and 0 <= row["refined"]["set"]["miou"] <= 1


def test_replay_publishes_the_calibrated_weather_and_the_gates_by_name(
    trained: Path, program: Program, tmp_path: Path
) -> None:
    shots = []
    for index in range(3):
        sample = Drive(UNSEEN_SEEDS_FROM, 66, 90).render(index / 10)
        fog = degrade(sample, "fog", 0.7, index)
        shots.append(Shot(fog, 1_000_000_000 + 100_000_000 * index, sample.image_HW3, sample.labels_HW, "fog"))
    bag, out = write_bag(tmp_path / "bag", shots), tmp_path / "out"
    assert replay([str(bag), "--model", str(program.path), "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["frames_received"] == 3 and metrics["weathers"]["fog"]["psnr_restored"] > 0
    with AnyReader([out / "output_bag"]) as reader:
        weather = [c for c in reader.connections if c.topic.endswith("/weather")]
        found = [reader.deserialize(data, c.msgtype).status[0] for c, _, data in reader.messages(weather)]
    values = [{pair.key: float(pair.value) for pair in status.values} for status in found]
    net, _ = restore_muirf(trained)
    for shot, status, frame in zip(shots, found, values, strict=True):
        image, _ = prepare(torch.from_numpy(shot.image.copy())[None], 16)
        routing = net(image).routing
        assert status.message == WEATHERS[int(routing.weather_BK.argmax())]
        for name, expected in zip(WEATHERS, routing.weather_BK[0].tolist(), strict=True):
            assert frame[f"weather.{name}"] == pytest.approx(expected, abs=0.02)
        assert sum(frame[f"gate.expert{number}"] for number in (1, 2)) == pytest.approx(1, abs=1e-3)
        assert 0 <= frame["gate.shared.encoder1.1.first"] <= 1


def test_the_router_learns_first_where_it_has_steps_of_its_own() -> None:
    """Nothing that restores learns then; afterwards the joint stage goes on with all of it."""
    trainer = tiny.build(dataclasses.replace(tiny.CONFIG, router_steps=60, steps=1, learning_rate=2e-2))
    before = {name: value.clone() for name, value in muirf(trainer.networks).state_dict().items()}
    losses = [trainer.train_step([tiny.batch(range(8))])["weather"] for _ in range(60)]
    after = muirf(trainer.networks).state_dict()
    changed = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"embed", "router"}
    assert torch.equal(after["router.experts.weight"], before["router.experts.weight"])
    assert losses[-1] < 0.5 * losses[0]
    assert trainer.train_step([tiny.batch(range(8))])["total"] > 0


def test_a_held_posterior_stays_while_its_experts_learn() -> None:
    trainer = tiny.build(tiny.CONFIG)
    net = muirf(trainer.networks)
    net.hold_posterior()
    degraded = tiny.batch(range(8)).degraded_3HW / 255
    before, experts = net.preview(degraded)[0].weather_BK, net.router.experts.weight.clone()
    trainer.train_step([tiny.batch(range(8))])
    torch.testing.assert_close(net.preview(degraded)[0].weather_BK, before, rtol=0, atol=0)
    assert not torch.equal(net.router.experts.weight, experts)
