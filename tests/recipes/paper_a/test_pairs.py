"""Paper A on pairs on disk, with precomputed original segmentations or a segmenter."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.data import DataLoader

from tests.support import datasets
from tests.support.runs import run, state
from tests.support.segformer import write_segformer
from training import evaluate, export
from training.data.paired_crops import SegmentedCrops
from training.data.readers.cityscapes import CITYSCAPES_CLASSES
from training.data.readers.pairs import PairFolder
from training.recipes import open_deployable
from training.recipes.paper_a.config import paper_a_smoke
from training.recipes.paper_a.objective import PaperA
from training.recipes.paper_a.recipe import PAPER_A
from training.segmenters.find import SegmenterError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder pair with labels in `set`, and an original segmentation of its frame in `originals`."""
    root = tmp_path_factory.mktemp("data")
    datasets.pairs(root / "set")
    datasets.label_map(root / "originals/a.png", 3, 255)
    return root


def options(pairs: Path, originals: Path | None = None) -> list[str]:
    given = ["--originals", str(originals)] if originals else []
    return ["--workers", "0", "--pairs", str(pairs), *given]


@pytest.fixture(scope="module")
def trained(root: Path) -> Path:
    """A finished run on the precomputed maps."""
    assert run(PAPER_A, root / "run", *options(root / "set", root / "originals")) == 0
    return root / "run"


def test_the_original_segmentation_is_the_map_and_undecided_where_it_is_void(root: Path) -> None:
    crops = SegmentedCrops(PairFolder(root / "set"), root / "originals", (16, 24), seed=0)
    batch = next(iter(DataLoader(crops, 2, sampler=range(2))))
    views = PaperA(paper_a_smoke(), None).look(batch, {})
    void = (batch.original_HW == 255)[:, None].expand_as(views.original_BKHW)
    assert bool(void.any()) and bool((views.original_BKHW[void] == 1 / 11).all())
    assert bool((views.original_BKHW[:, 3][batch.original_HW == 3] == 1).all())


def test_a_run_on_them_holds_no_segmenter_and_goes_on(trained: Path, root: Path) -> None:
    found = state(trained)
    assert found["step"] == 6 and not found["segmenter"] and not (trained / "segmenter.safetensors").exists()
    assert found["command"].endswith("--pairs PAIRS_ROOT --originals ORIGINALS --vgg19 off")
    more = options(root / "set", root / "originals")
    assert run(PAPER_A, trained, *more, "--resume", "--steps", "3") == 0
    assert state(trained)["step"] == 7


@pytest.mark.parametrize(("command", "more"), [(export, ["--out", "a.pt2"]), (evaluate, [])])
def test_judging_it_or_handing_it_out_asks_for_a_segmenter(
    trained: Path, command: ModuleType, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(trained), *more]) == 1
    assert "name one with --segmenter" in capsys.readouterr().err


def test_with_a_segmenter_it_is_whole_and_names_the_folder_of_pairs_without_the_path(
    trained: Path, untrained_base: Path
) -> None:
    found = open_deployable(trained, str(untrained_base))
    assert found.model(torch.zeros(1, 20, 30, 3, dtype=torch.uint8))[0].shape == (1, 20, 30, 3)
    assert "the pairs in the folder set" in found.training["licence"]
    told = json.dumps(found.training)
    assert str(trained.parent) not in told and str(untrained_base.parent) not in told


def test_pairs_train_with_a_segmenter_too(root: Path, untrained_base: Path) -> None:
    assert run(PAPER_A, root / "with", *options(root / "set"), segmenter=untrained_base) == 0
    assert state(root / "with")["segmenter"] and (root / "with/segmenter.safetensors").exists()


def test_a_set_with_classes_of_its_own_needs_a_segmenter_of_these(root: Path, untrained_base: Path) -> None:
    datasets.rain_cityscapes(root / "rain")
    for frame in (root / "rain").glob("leftImg8bit_rain/train/aachen/*.png"):
        datasets.label_map(root / "rain_originals" / frame.name, 18, 0)
    assert run(PAPER_A, root / "nineteen", *options(root / "rain", root / "rain_originals")) == 0
    assert state(root / "nineteen")["config"]["model"]["classes"] == 19
    with pytest.raises(SegmenterError, match="its segmenter has 11 classes, but this run has 19"):
        open_deployable(root / "nineteen", str(untrained_base))


def test_street_scenes_do_not_judge_other_classes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segmenter = write_segformer(root / "segformer", [c.name for c in CITYSCAPES_CLASSES])
    assert evaluate.main([str(root / "nineteen"), "--segmenter", str(segmenter)]) == 1
    assert (
        "19 classes of its data, which no street scene has; judge it on such data with --pairs"
        in capsys.readouterr().err
    )
