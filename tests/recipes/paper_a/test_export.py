"""Paper A's checkpoint by itself: trained a little, judged, exported by the command, and replayed over a bag."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.bags import Shot, write_bag
from training import export
from training.card import card
from training.config import ModelConfig
from training.data.degradations import degrade
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.loop.processes import launch
from training.loop.record import Record, flat
from training.loop.trainer import Trainer
from training.open_checkpoint import open_checkpoint
from training.recipes.paper_a import deploy as paper_a
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a.config import paper_a_smoke
from training.segmenters.base import BaseSegmenter
from weather_perception.core.program import open_program
from weather_perception.replay.cli import main as replay

pytestmark = pytest.mark.usefixtures("one_thread")

MASK_MEASURES = ("pa", "mpa", "miou", "fwiou")
COMMAND = "python -m training.train paper_a_smoke --steps 2 --segmenter CHECKPOINT --vgg19 off"


def as_json(value: object) -> dict:
    return json.loads(json.dumps(value, default=vars))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained tiny networks, saved as a training saves them."""
    torch.manual_seed(0)
    config, widths = paper_a_smoke(), ModelConfig(segmenter_widths=(8, 8, 8))
    networks = paper_a_stages.networks(config.model, BaseSegmenter(widths.classes, *widths.segmenter_widths))
    settings = as_json(config) | {"segmenter": as_json(widths)}
    settings["egsyn_loss"]["vgg19_weights"] = "somewhere/vgg19.pth"
    record = Record(settings, COMMAND, "unknown")
    trainer = Trainer(launch(), networks, paper_a_stages.stages(config, None), paper_a_stages.loop(config), record)
    folder = tmp_path_factory.mktemp("paper_a") / "run"
    trainer.save(folder, {})
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    model = checkpoint.parent / "models" / "tiny_a.pt2"
    assert export.main([str(checkpoint), "--out", str(model), "--base", str(model.with_name("original.pt2"))]) == 0
    return model


def test_the_manifest_and_the_card_say_what_it_is_and_how_it_was_trained(exported: Path) -> None:
    manifest = open_program(exported).manifest
    assert (manifest.name, manifest.weathers, manifest.gates) == ("tiny_a", ("unknown",), ())
    training = manifest.training
    assert training["method"] == "paper A: SGAda + EGSyn" and training["perceptual"] == "off"
    assert training["command"] == COMMAND and training["licence"] == "Apache-2.0"
    assert "vgg19.pth" not in manifest.to_json()
    card = exported.with_suffix(".md").read_text()
    assert "does not route" in card and "perceptual and style losses: off" in card and "sgada" in card


def test_the_bases_labels_are_the_original_segmentation(checkpoint: Path, exported: Path) -> None:
    frame = torch.from_numpy(Drive(UNSEEN_SEEDS_FROM, 66, 90).render(1.0).image_HW3)[None]
    with torch.inference_mode():
        restored, labels, *_ = open_program(exported.with_name("original.pt2")).exported.module()(frame)
        original = open_checkpoint(checkpoint).model.perceive(frame)[0]
    assert torch.equal(restored, frame)
    assert (labels == original).float().mean() > 0.999


def test_every_degradation_of_the_paper_is_judged_before_and_after(checkpoint: Path, exported: Path) -> None:
    deployable = open_checkpoint(checkpoint)
    samples = [Drive(UNSEEN_SEEDS_FROM + seed, 66, 90).render(5.0) for seed in range(2)]
    rows = deployable.evaluate(samples)
    assert set(rows) == set(paper_a.DEGRADATIONS)
    assert rows["clear"]["psnr_degraded"] == 100 > rows["jpeg"]["psnr_degraded"]
    for row in rows.values():
        assert row["frames"] == 2
        figures = flat(row)
        wanted = {
            f"{k}.{over}.{m}" for k in ("original", "refined") for over in ("set", "image") for m in MASK_MEASURES
        }
        assert wanted < figures.keys() and all(np.isfinite(value) for value in figures.values())
    program = open_program(exported)
    training = {**program.manifest.training, "metrics": {"procedural": rows}}
    judged = dataclasses.replace(program, manifest=dataclasses.replace(program.manifest, training=training))
    page = card(judged, deployable)
    assert "| chromatic aberration | 2 |" in page and f"{rows['fog']['psnr_restored']:.2f}" in page


def test_replay_judges_it_beside_its_original_segmentation(exported: Path, tmp_path: Path) -> None:
    shots = []
    for index in range(4):
        sample = Drive(UNSEEN_SEEDS_FROM, 66, 90).render(index / 10)
        fog = degrade(sample, "fog", 0.7, index)
        shots.append(Shot(fog, 1_000_000_000 + 100_000_000 * index, sample.image_HW3, sample.labels_HW, "fog"))
    bag, out = write_bag(tmp_path / "bag", shots), tmp_path / "out"
    base = str(exported.with_name("original.pt2"))
    assert replay([str(bag), "--model", str(exported), "--baseline", base, "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["frames_received"] == 4 and metrics["dominant_weather_frames"] == {"unknown": 4}
    fog = metrics["weathers"]["fog"]
    assert fog["psnr_restored"] > 0 and 0 <= fog["miou_refined"] <= 1 and 0 <= fog["miou_base"] <= 1
    assert metrics["weather_accuracy"] is None and fog["weather_accuracy"] is None
    page = (out / "report.html").read_text()
    assert "does not route" in page and "seen as unknown" not in page and "Routing over time" not in page
