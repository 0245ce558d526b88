"""A model file becomes a checkpoint again: the same function, the same sources, and a network that learns on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.tiny import write_tiny
from training import recipes, train, unpack
from training.data.degradations import degrade
from training.data.examples import street_conditions
from training.data.mixture import CONDITIONS
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.export import compare
from training.recipes.joint import scale
from weather_perception.core.program import Program, open_program, save_program

MODEL = Path(__file__).resolve().parents[2] / "models" / "default.pt2"


@pytest.fixture(scope="module")
def program() -> Program:
    return open_program(MODEL)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model, unpacked by the command."""
    folder = tmp_path_factory.mktemp("unpacked") / "default"
    assert unpack.main([str(MODEL), "--out", str(folder)]) == 0
    return folder


def test_the_checkpoint_computes_what_the_file_does(checkpoint: Path, program: Program) -> None:
    found = recipes.open_deployable(checkpoint)
    agreement = compare(found.model, program.exported.module())
    assert agreement["weather"] < 1e-4 and agreement["gates"] < 1e-4
    assert found.training["sources"] == program.manifest.training["sources"]
    assert found.training["command"] == program.manifest.training["command"]
    assert json.loads((checkpoint / "state.json").read_text())["config"] == program.manifest.training["config"]


@torch.inference_mode()
def test_training_begins_near_what_the_file_does(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """In training, normalisations take the statistics of the batch; those that were measured before are near them."""
    drives = [Drive(UNSEEN_SEEDS_FROM + seed, 192, 320).render(5.0) for seed in range(12)]
    frames = [
        degrade(drive, CONDITIONS[seed % 6], 0.6, seed) if seed % 6 else drive.image_HW3
        for seed, drive in enumerate(drives)
    ]
    frames_B3HW = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255

    def difference() -> float:
        """Of what the network changes in training, as a share of what it changes in use."""
        net = unpack.unpack(program).net
        used, learning = (net.train(mode)(frames_B3HW).restoration.restored_B3HW for mode in (False, True))
        return float((learning - used).square().mean() / (used - frames_B3HW).square().mean())

    measured = difference()
    monkeypatch.setattr(unpack, "measure", lambda net, seed: None)
    assert measured < 0.7 * difference()
    assert measured < 0.25


def test_the_segmenter_s_statistics_are_those_of_clear_frames(program: Program) -> None:
    net = unpack.unpack(program).net
    examples = street_conditions(unpack.FRAMES, program.manifest.training["config"]["seed"]).open()
    clear = torch.stack([examples[index].clear_3HW for index in range(unpack.EXAMPLES)])
    with torch.inference_mode():
        seen = net.segmenter.stem[0](scale(clear))
    torch.testing.assert_close(net.segmenter.stem[1].running_mean, seen.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)


def test_a_run_continues_it_with_its_sources(checkpoint: Path, program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert train.main(["street_smoke", "--init", str(checkpoint), "--out", str(folder), "--workers", "0"]) == 0
    state = json.loads((folder / "state.json").read_text())
    assert state["sources"] == program.manifest.training["sources"]
    assert state["command"].startswith(program.manifest.training["command"] + " && ")


def test_what_cannot_be_unpacked_is_named(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert unpack.main([str(MODEL), "--out", str(checkpoint)]) == 1
    assert "exists; choose another --out" in capsys.readouterr().err
    tiny = write_tiny(tmp_path / "tiny.pt2")
    assert unpack.main([str(tiny.path), "--out", str(tmp_path / "a")]) == 1
    assert f"{tiny.path}: its manifest has no training." in capsys.readouterr().err
    assert unpack.main([str(tmp_path / "none.pt2"), "--out", str(tmp_path / "a")]) == 1
    assert "model file not found" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("recipe", "config", "message"),
    [
        ("paper_b", {"name": "paper_b", "steps": 1}, "only a deployable model can be trained further"),
        ("street_net", {"name": "street", "steps": 1}, "its weights differ from the network of street_net"),
    ],
)
def test_a_file_of_another_network_is_refused(
    recipe: str, config: dict[str, object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = write_tiny(tmp_path / "tiny.pt2")
    tiny.manifest.training.update(recipe=recipe, config=config, sources=[], command="", commit="", steps=1)  # type: ignore[attr-defined]
    save_program(tiny.exported, tiny.manifest, tmp_path / "other.pt2")
    assert unpack.main([str(tmp_path / "other.pt2"), "--out", str(tmp_path / "a")]) == 1
    assert message in capsys.readouterr().err
