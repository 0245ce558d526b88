"""Paper A's networks with a segmenter of Hugging Face as a model file: frames of any size, one or several."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from training import export
from training.data.classes import CLASSES
from training.loop.processes import launch
from training.loop.record import Record
from training.loop.trainer import Trainer
from training.open_checkpoint import open_checkpoint
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a.config import paper_a_smoke
from training.segmenters.find import find_segmenter
from training.segmenters.hugging_face import DEFAULT_SIZE, preprocessing
from weather_perception.core.program import open_program

STREET = [c.name for c in CLASSES]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained tiny networks with a tiny SegFormer, saved as a training saves them."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("segformer")
    config = SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        id2label=dict(enumerate(STREET)),
    )
    SegformerForSemanticSegmentation(config).save_pretrained(root / "tiny")
    settings = {"image_mean": [0.5] * 3, "image_std": [0.2] * 3, "size": {"height": 64, "width": 96}}
    (root / "tiny/preprocessor_config.json").write_text(json.dumps(settings))
    original = find_segmenter(str(root / "tiny"), STREET)
    preset = paper_a_smoke()
    networks = paper_a_stages.networks(preset.model, original.segmenter)
    record = Record(dataclasses.asdict(preset) | {"segmenter": original.record}, "python -m training.train", "unknown")
    trainer = Trainer(launch(), networks, paper_a_stages.stages(preset, None), paper_a_stages.loop(preset), record)
    trainer.save(root / "run", {})
    return root / "run"


def test_the_model_file_does_what_the_checkpoint_does_for_any_batch_and_size(run: Path) -> None:
    path = run.parent / "segformer.pt2"
    assert export.main([str(run), "--out", str(path)]) == 0
    written, module = open_program(path), open_checkpoint(run).model
    assert "tiny, licence: see its own page" in path.with_suffix(".md").read_text()
    program = written.exported.module()
    for batch, rows, columns in ((1, 64, 64), (3, 97, 131)):
        frame_BHW3 = torch.randint(256, (batch, rows, columns, 3), dtype=torch.uint8)
        with torch.inference_mode():
            (restored, labels, *_), (expected, expected_labels, *_) = program(frame_BHW3), module(frame_BHW3)
        assert (restored.int() - expected.int()).abs().max() <= 1
        assert (labels == expected_labels).float().mean() > 0.999


def test_the_size_is_the_preprocessors_where_it_does_not_depend_on_the_frame() -> None:
    assert preprocessing({"size": {"height": 640, "width": 960}}).size == (640, 960)
    assert preprocessing({"size": 512}).size == (512, 512)
    assert preprocessing({"size": {"shortest_edge": 384}}).size == DEFAULT_SIZE
