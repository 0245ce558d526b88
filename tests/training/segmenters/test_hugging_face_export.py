"""Paper A's networks with a segmenter of Hugging Face as a model file: frames of any size, one or several."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from tests.support.runs import assert_same_model, handed_out, untrained
from training.data.classes import CLASSES
from training.recipes import open_deployable
from training.recipes.paper_a.config import paper_a_smoke
from training.recipes.paper_a.recipe import PAPER_A
from training.segmenters.hugging_face import DEFAULT_SIZE, preprocessing

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
    return untrained(PAPER_A, dataclasses.replace(paper_a_smoke(), segmenter=str(root / "tiny")), root / "run")


def test_the_model_file_does_what_the_checkpoint_does_for_any_batch_and_size(run: Path) -> None:
    program = handed_out(run, run.parent / "segformer.pt2")
    licence = program.manifest.training["licence"]
    assert "tiny (see its own page)" in licence and licence in program.path.with_suffix(".md").read_text()
    assert_same_model(program.exported.module(), open_deployable(run).model)


def test_the_size_is_the_preprocessors_where_it_does_not_depend_on_the_frame() -> None:
    assert preprocessing({"size": {"height": 640, "width": 960}}).size == (640, 960)
    assert preprocessing({"size": 512}).size == (512, 512)
    assert preprocessing({"size": {"shortest_edge": 384}}).size == DEFAULT_SIZE
