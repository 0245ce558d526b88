"""Paper A's networks with a segmenter of Hugging Face as a model file: frames of any size, one or several."""

import dataclasses
from pathlib import Path

import pytest

from tests.support.runs import assert_same_model, handed_out, untrained
from tests.support.segformer import write_segformer
from training.data.classes import CLASSES
from training.recipes import open_deployable
from training.recipes.paper_a.config import paper_a_smoke
from training.recipes.paper_a.recipe import PAPER_A
from training.segmenters.hugging_face import DEFAULT_SIZE, preprocessing

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained tiny networks with a tiny SegFormer, saved as a training saves them."""
    root = tmp_path_factory.mktemp("segformer")
    folder = write_segformer(root / "tiny", [c.name for c in CLASSES], size={"height": 64, "width": 96})
    return untrained(PAPER_A, dataclasses.replace(paper_a_smoke(), segmenter=str(folder)), root / "run")


def test_the_model_file_does_what_the_checkpoint_does_for_any_batch_and_size(run: Path) -> None:
    program = handed_out(run, run.parent / "segformer.pt2")
    licence = program.manifest.training["licence"]
    assert "tiny (see its own page)" in licence and licence in program.path.with_suffix(".md").read_text()
    assert_same_model(program.exported.module(), open_deployable(run).model)


def test_the_size_is_the_preprocessors_where_it_does_not_depend_on_the_frame() -> None:
    assert preprocessing({"size": {"height": 640, "width": 960}}).size == (640, 960)
    assert preprocessing({"size": 512}).size == (512, 512)
    assert preprocessing({"size": {"shortest_edge": 384}}).size == DEFAULT_SIZE
