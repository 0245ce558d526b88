"""The model files in models/ keep what the README promises of them, on frames that no training saw."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
import torch

from training.data.classes import CLASSES, VOID
from training.data.degradations import degrade
from training.data.mixture import CONDITIONS
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.metrics import MaskScores
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.pipeline import Perception, Pipeline
from weather_perception.core.program import Program, module_on, open_program
from weather_perception.core.scores import psnr

MODELS = Path(__file__).resolve().parents[2] / "models"
BAD_WEATHERS = CONDITIONS[1:]
LEAST_GAIN = {"fog": 4, "rain": 4, "snow": 4, "night": 8, "raindrops": 2}
"""Gains in PSNR in dB that the model keeps at severity 0.6."""


def test_the_listed_hashes_are_those_of_the_files() -> None:
    listed = dict(reversed(line.split()) for line in (MODELS / "SHA256SUMS").read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in MODELS.glob("*.pt2")}
    assert listed == found, "renew the list: cd models && sha256sum *.pt2 > SHA256SUMS"
    for card in MODELS.glob("*.md"):
        assert f"`{found[f'{card.stem}.pt2']}`" in card.read_text()


@pytest.fixture(scope="module")
def default() -> Program:
    return open_program(MODELS / "default.pt2")


@pytest.fixture(scope="module")
def pipeline(default: Program) -> Pipeline:
    return Pipeline(TorchEngine(default))


@pytest.fixture(scope="module")
def base() -> Pipeline:
    return Pipeline(TorchEngine(open_program(MODELS / "base.pt2")))


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [Drive(UNSEEN_SEEDS_FROM + 500 + seed, 270, 480).render(10.0) for seed in range(4)]


def answers(pipeline: Pipeline, samples: list[Sample], weather: str) -> Iterator[tuple[Sample, np.ndarray, Perception]]:
    for seed, sample in enumerate(samples):
        frame = degrade(sample, weather, 0.6, seed)
        yield sample, frame, pipeline.process(frame)


def decibels(image_HW3: np.ndarray, sample: Sample) -> float:
    return psnr(image_HW3, sample.image_HW3)


def test_the_default_model_is_small_and_its_card_is_its_own(default: Program) -> None:
    assert default.path.stat().st_size <= 10 * 2**20
    assert default.sha256 in (MODELS / "default.md").read_text()
    assert default.manifest.weathers == CONDITIONS
    assert default.manifest.classes == CLASSES


def test_the_default_model_learned_from_nothing_that_forbids_commercial_use(default: Program) -> None:
    training = default.manifest.training
    assert {"data", "licence", "command", "commit", "metrics"} <= training.keys()
    assert {source["use"] for source in training["sources"]} == {"any"}
    assert training["licence"].startswith("Apache-2.0") and "with credit" in training["licence"]
    assert set(training["metrics"]["procedural"]) == set(CONDITIONS)


def test_the_research_model_says_that_it_is_for_research() -> None:
    research = open_program(MODELS / "research.pt2")
    training = research.manifest.training
    assert "CamVid" in " ".join(training["data"]) and training["licence"].startswith("research use only")
    assert research.sha256 in (MODELS / "research.md").read_text()
    assert research.manifest.classes == CLASSES and research.path.stat().st_size <= 10 * 2**20


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.pt2")), ids=lambda path: path.name)
def test_the_sources_of_every_model_file_are_credited(path: Path) -> None:
    page = (MODELS.parent / "ATTRIBUTION.md").read_text()
    training = open_program(path).manifest.training
    names = [source["name"] for source in training.get("sources", [])]
    for name in names or [re.split(r"[,(;]", source)[0].strip() for source in training["data"]]:
        assert f"| {name} |" in page


@pytest.mark.parametrize("weather", BAD_WEATHERS)
def test_bad_weather_is_recognised_and_restored(pipeline: Pipeline, samples: list[Sample], weather: str) -> None:
    rows = list(answers(pipeline, samples, weather))
    gains = [decibels(answer.restored_HW3, sample) - decibels(frame, sample) for sample, frame, answer in rows]
    assert mean(gains) >= LEAST_GAIN[weather] and min(gains) > 0
    assert [answer.dominant_weather for *_, answer in rows] == [weather] * len(rows)


def test_clear_frames_are_left_alone(pipeline: Pipeline, samples: list[Sample]) -> None:
    for sample, _, answer in answers(pipeline, samples, "clear"):
        assert decibels(answer.restored_HW3, sample) >= 50
        assert answer.dominant_weather == "clear"


def test_the_refined_mask_beats_the_base_segmenter_in_bad_weather(
    pipeline: Pipeline, base: Pipeline, samples: list[Sample]
) -> None:
    refined, original = MaskScores(len(CLASSES), VOID), MaskScores(len(CLASSES), VOID)
    for weather in BAD_WEATHERS:
        for sample, frame, answer in answers(pipeline, samples, weather):
            truth = torch.from_numpy(sample.labels_HW)[None]
            refined.add(torch.from_numpy(answer.labels_HW)[None], truth)
            original.add(torch.from_numpy(base.process(frame).labels_HW)[None], truth)
    assert refined.set_scores()["miou"] > original.set_scores()["miou"]


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.pt2")), ids=lambda path: path.name)
def test_the_whole_graph_moves_to_another_device(path: Path) -> None:
    """Shown on PyTorch's `meta` device, which refuses tensors of any other as a GPU does."""
    program = open_program(path)
    moved = module_on(program, "meta")
    outputs = moved(torch.zeros(2, 97, 131, 3, dtype=torch.uint8, device="meta"))
    assert {output.device.type for output in outputs} == {"meta"}
    assert {value.device.type for value in program.exported.state_dict.values()} == {"cpu"}
