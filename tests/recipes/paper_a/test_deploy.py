"""Paper A's networks as a model file: exported, reopened, equal to the networks at every size, and run by replay."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.data.classes import CLASSES
from training.deployable import manifest
from training.export import export_program
from training.recipes.paper_a.config import GeneratorConfig, PaperAConfig
from training.recipes.paper_a.cooperation import Cooperation
from training.recipes.paper_a.deployed import DeployedCooperation
from training.segmenters.base import BaseSegmenter
from weather_perception.core.contract import OUTPUT_NAMES
from weather_perception.core.program import Program, save_program
from weather_perception.replay.cli import main as replay

PROVENANCE = {"data": [], "licence": "", "command": "", "commit": "", "metrics": {}}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def deployed() -> DeployedCooperation:
    torch.manual_seed(0)
    small = GeneratorConfig(width=4, blocks=1)
    net = Cooperation(PaperAConfig(classes=len(CLASSES), sgada=small, egsyn=small))
    return DeployedCooperation(BaseSegmenter(len(CLASSES), 8, 8, 8), net).eval()


@pytest.fixture(scope="module")
def program(deployed: DeployedCooperation, tmp_path_factory: pytest.TempPathFactory) -> Program:
    described = manifest("paper_a", ("unknown",), (), PROVENANCE)
    return save_program(export_program(deployed), described, tmp_path_factory.mktemp("model") / "paper_a.pt2")


@torch.inference_mode()
def test_the_model_file_equals_the_networks_at_every_size(deployed: DeployedCooperation, program: Program) -> None:
    opened = program.exported.module()
    for batch, rows, columns in ((1, 1, 1), (3, 33, 40), (1, 64, 64), (2, 97, 131), (1, 120, 160)):
        frames = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8)
        for name, expected, found in zip(OUTPUT_NAMES, deployed(frames), opened(frames), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype
            if name == "labels":
                assert (found == expected).float().mean() > 0.999
            elif name != "gates":
                assert (found.float() - expected.float()).abs().max() <= 1, name  # rounding


@torch.inference_mode()
def test_restored_frames_and_masks_are_whole_and_the_weather_unknown(deployed: DeployedCooperation) -> None:
    frames = torch.randint(0, 256, (2, 70, 90, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = deployed(frames)
    assert restored.shape == frames.shape
    assert labels.shape == confidence.shape == (2, 70, 90)
    assert int(labels.max()) < len(CLASSES) and int(confidence.min()) >= 255 // len(CLASSES)
    assert weather.tolist() == [[1.0], [1.0]] and gates.shape == (2, 0)


def test_replay_runs_the_model_file(program: Program, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 256, (48, 64, 3), np.uint8)
        assert cv2.imwrite(str(frames / f"{index}.png"), pixels)
    out = tmp_path / "out"
    assert replay([str(frames), "--model", str(program.path), "--out", str(out)]) == 0
    assert json.loads((out / "metrics.json").read_text())["frames_received"] == 3
