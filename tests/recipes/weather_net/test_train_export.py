"""The commands' whole way: train a little, stop, continue, evaluate, export, open the model file."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from training import export, train
from training.config import smoke
from training.deployable import METRICS_FILE, provenance
from training.judging.unseen import unseen_frames
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.models.deploy import DeployedWeatherNet
from training.recipes.weather_net.deploy import evaluate
from training.segmenters.restore_checkpoint import restore
from weather_perception.core.program import open_program


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "run"
    train.train(smoke(), folder)
    return folder


def test_a_finished_run_can_be_lengthened(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    trainer = train.train(dataclasses.replace(smoke(), steps=6), tmp_path / "run", resume=True)
    assert trainer.step == 6
    assert json.loads((tmp_path / "run" / checkpoint.STATE_FILE).read_text())["step"] == 6


def test_a_run_killed_between_checkpoints_repeats_its_steps_exactly(trained: Path, tmp_path: Path) -> None:
    config = smoke()
    interrupted = train.build(config, train.loop_config(config))
    loader = iter(train.batches(config, interrupted))
    for _ in range(2):
        interrupted.train_step([next(loader)])
    interrupted.save(tmp_path / "run", {})
    train.train(config, tmp_path / "run", resume=True)
    (expected, found) = (checkpoint.load(folder, "model")[0][0] for folder in (trained, tmp_path / "run"))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_a_run_starts_from_the_weights_of_another_and_says_so(trained: Path, tmp_path: Path) -> None:
    still = dataclasses.replace(smoke(), learning_rate=0.0, weight_decay=0.0, steps=1)
    train.train(still, tmp_path / "run", init=trained)
    (first,), _ = checkpoint.load(trained, "model")
    (second,), state = checkpoint.load(tmp_path / "run", "model")
    assert torch.equal(first["egsyn.gain.weight"], second["egsyn.gain.weight"])
    assert state["command"].startswith("python -m training.train smoke --steps 4 && ")


def test_training_twice_into_one_folder_is_refused(trained: Path) -> None:
    with pytest.raises(CheckpointError, match="--resume"):
        train.train(smoke(), trained)


def test_resuming_another_run_is_refused_by_the_setting_that_differs(trained: Path) -> None:
    with pytest.raises(CheckpointError, match="batch = 4, this run has 2"):
        train.train(dataclasses.replace(smoke(), batch=2), trained, resume=True)


def test_a_missing_checkpoint_is_an_error_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(tmp_path / "none"), "--out", str(tmp_path / "x.pt2")]) == 1
    assert "train first" in capsys.readouterr().err


def test_a_kill_while_writing_leaves_the_old_checkpoint(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    checkpoint.save(folder, {"model": {"a": torch.ones(2)}}, {"step": 1})
    folder.rename(tmp_path / "run.old")  # as a kill between the two renames leaves it
    (tensors,), state = checkpoint.load(folder, "model")
    assert state == {"step": 1} and torch.equal(tensors["a"], torch.ones(2))


def test_a_trained_network_goes_through_evaluation_into_a_model_file(trained: Path, tmp_path: Path) -> None:
    net, _ = restore(trained)
    metrics = evaluate(net, list(unseen_frames(1))[:1])
    assert set(metrics) == {"clear", "fog", "rain", "snow"}
    (trained / METRICS_FILE).write_text(json.dumps({"procedural": metrics}))

    model, base = tmp_path / "smoke.pt2", tmp_path / "base.pt2"
    assert export.main([str(trained), "--out", str(model), "--base", str(base)]) == 0
    program = open_program(model)
    manifest = program.manifest
    assert [c.name for c in manifest.classes][:4] == ["sky", "building", "pole", "road"]
    assert manifest.weathers == ("clear", "fog", "rain", "snow")
    assert len(manifest.gates) == 10 and manifest.gates[-1] == "decoder.snow"
    assert manifest.training["metrics"]["procedural"] == metrics
    assert manifest.training["licence"] == "Apache-2.0"
    assert manifest.training["config"]["steps"] == smoke().steps
    card = model.with_suffix(".md").read_text()
    assert program.sha256 in card and f"{metrics['fog']['psnr_restored']:.2f}" in card and "Apache-2.0" in card
    assert open_program(base).manifest.weathers == ("unknown",)


def test_weights_that_began_on_camvid_stay_under_its_licence(trained: Path) -> None:
    _, state = restore(trained)
    assert provenance(trained, state)["licence"] == "Apache-2.0"
    began = {
        "command": f"python -m training.train default --camvid CAMVID_ROOT && {state['command']} --init CHECKPOINT"
    }
    training = provenance(trained, state | began)
    assert "CC BY-NC" in training["licence"] and "CamVid" in " ".join(training["data"])


def test_a_model_file_that_differs_from_its_checkpoint_is_refused(trained: Path) -> None:
    net, _ = restore(trained)
    deployed = DeployedWeatherNet(net).eval()
    other = DeployedWeatherNet(restore(trained)[0]).eval()
    with torch.no_grad():
        other.net.sgada.head[-1].bias[0] += 100
    with pytest.raises(export.ParityError, match="restored: the model file differs from the checkpoint by"):
        export.compare(deployed, other)
