"""Segmenters of Hugging Face as the original segmentation: found, mapped to our classes, trained on, rebuilt."""

import json
import sys
from pathlib import Path

import pytest
import torch
from transformers import SegformerForSemanticSegmentation

from tests.support.runs import run, state
from tests.support.segformer import write_segformer
from training.data.classes import CLASSES, VOID
from training.data.readers.cityscapes import CITYSCAPES_CLASSES, TO_STREET
from training.data.readers.photographs import ADE20K_NAMES
from training.loop.checkpoint import open_checkpoint
from training.recipes.paper_a.recipe import PAPER_A
from training.segmenters.find import class_sources, find_segmenter, held_segmenter
from training.segmenters.hugging_face import HuggingFaceSegmenter, SegmenterError, class_scores, preprocessing

STREET = [c.name for c in CLASSES]
CITYSCAPES = [c.name for c in CITYSCAPES_CLASSES]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SegFormer of Cityscapes' classes, as save_pretrained writes it."""
    return write_segformer(tmp_path_factory.mktemp("hub") / "tiny-segformer", CITYSCAPES)


def test_cityscapes_names_stand_for_the_classes_that_its_labels_are_mapped_to() -> None:
    found = class_sources(CITYSCAPES, STREET)
    for label in range(len(CITYSCAPES)):
        targets = [target for target, ids in enumerate(found) if label in ids]
        assert targets == ([] if TO_STREET[label] == VOID else [TO_STREET[label]]), CITYSCAPES[label]


def test_ade20k_knows_every_street_class_and_a_sets_own_names_stand_for_themselves() -> None:
    found = class_sources(ADE20K_NAMES, STREET)
    assert [ADE20K_NAMES[i] for i in found[STREET.index("bicyclist")]] == ["minibike", "bicycle"]
    assert class_sources(CITYSCAPES, CITYSCAPES) == tuple((index,) for index in range(19))
    assert class_sources(["Road, route", "sidewalk;pavement"], ["pavement", "road"]) == ((1,), (0,))


def test_classes_that_no_label_stands_for_are_named() -> None:
    with pytest.raises(ValueError, match="becomes sky, pole; its classes are road"):
        class_sources(["road"], ["sky", "road", "pole"])


def test_the_probabilities_of_a_classs_sources_add_up(folder: Path) -> None:
    segmenter = find_segmenter(str(folder), STREET).module
    image = torch.rand(1, 3, 64, 96)
    network = SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    given = network(pixel_values=(image - 0.5) / 0.2).logits.softmax(1)[0]
    found = segmenter(image).softmax(1)[0]
    share = given / (1 - given[CITYSCAPES.index("terrain")])
    assert found.shape == (11, 16, 24)
    assert torch.allclose(found[STREET.index("road")], share[CITYSCAPES.index("road")], atol=1e-6)
    cars = sum(share[CITYSCAPES.index(name)] for name in ("car", "truck", "bus", "train"))
    assert torch.allclose(found[STREET.index("car")], torch.as_tensor(cars), atol=1e-6)
    assert not any(parameter.requires_grad for parameter in segmenter.parameters())


def test_queries_with_masks_score_every_pixel() -> None:
    class Output:
        class_queries_logits = torch.tensor([[[9.0, -9, -9], [-9, 9, -9], [-9, -9, 9]]])  # the last one says "none"
        masks_queries_logits = torch.tensor([[[[9.0, -9]], [[-9, 9]], [[9, 9]]]])

    assert torch.allclose(class_scores(Output()), torch.eye(2).view(1, 2, 1, 2), atol=1e-3)


def test_an_image_processors_settings_are_kept() -> None:
    assert preprocessing({"do_rescale": False, "do_normalize": False}).scale == 255
    settings = preprocessing({"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3], "do_flip_channel_order": True})
    assert (settings.mean, settings.scale, settings.bgr) == ((0.1, 0.2, 0.3), 1.0, True)


def test_what_is_no_segmenter_is_refused_with_what_was_looked_for(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SegmenterError, match=r"state\.json.*config\.json.*OWNER/NAME"):
        find_segmenter(str(tmp_path), STREET)
    with pytest.raises(SegmenterError, match="becomes sheep"):
        find_segmenter(str(folder), ["road", "sheep"])
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SegmenterError, match="kind bert"):
        find_segmenter(str(tmp_path), STREET)


def test_without_transformers_the_error_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SegmenterError, match="pip install transformers"):
        find_segmenter(str(folder), STREET)


def test_paper_a_trains_on_it_and_is_restored_from_the_checkpoint_alone(folder: Path, tmp_path: Path) -> None:
    assert run(PAPER_A, tmp_path / "run", "--workers", "0", segmenter=folder) == 0
    held = held_segmenter(open_checkpoint(tmp_path / "run"))
    assert isinstance(held.module, HuggingFaceSegmenter) and held.record["name"] == "tiny-segformer"
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(held.module(image), find_segmenter(str(folder), STREET).module(image))
    found = state(tmp_path / "run")
    assert str(folder.parent) not in json.dumps(found | {"config": {}})
    assert any("tiny-segformer" in source["name"] for source in found["sources"])
    assert run(PAPER_A, tmp_path / "run", "--workers", "0", "--resume", "--steps", "3", segmenter=folder) == 0
