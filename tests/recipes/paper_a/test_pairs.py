"""Paper A on a data set's pairs: with precomputed original segmentations, or with a segmenter that gives them."""

import json
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from tests.support import datasets
from tests.support.runs import run, state, tensors, untrained
from training.data.paired_crops import SegmentedCrops
from training.data.readers.pairs import PairFolder
from training.loop.checkpoint import CheckpointError
from training.recipes import open_deployable
from training.recipes.paper_a.config import paper_a_smoke
from training.recipes.paper_a.objective import PaperA
from training.recipes.paper_a.recipe import PAPER_A
from training.recipes.weather_net.config import smoke
from training.recipes.weather_net.recipe import WEATHER_NET

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder pair with labels in `set`, and an original segmentation of its frame in `originals`."""
    root = tmp_path_factory.mktemp("data")
    datasets.pairs(root / "set")
    datasets.label_map(root / "originals/a.png", 3, 255)
    return root


def on_pairs(root: Path, name: str = "set", originals: str = "originals") -> list[str]:
    return ["--workers", "0", "--pairs", str(root / name), "--originals", str(root / originals)]


@pytest.fixture(scope="module")
def trained(root: Path) -> Path:
    """A finished run on the precomputed maps."""
    assert run(PAPER_A, root / "run", *on_pairs(root)) == 0
    return root / "run"


@pytest.fixture(scope="module")
def base(root: Path) -> Path:
    return untrained(WEATHER_NET, smoke(), root / "base")


def test_the_original_segmentation_is_the_map_and_undecided_where_it_is_void(root: Path) -> None:
    crops = SegmentedCrops(PairFolder(root / "set"), root / "originals", (16, 24), seed=0)
    batch = next(iter(DataLoader(crops, 2, sampler=range(2))))
    views = PaperA(paper_a_smoke(), None).look(batch, {})
    void = (batch.original_HW == 255)[:, None].expand_as(views.original_BKHW)
    assert bool(void.any()) and bool((views.original_BKHW[void] == 1 / 11).all())
    assert bool((views.original_BKHW[:, 3][batch.original_HW == 3] == 1).all())


def test_a_run_on_maps_holds_no_segmenter_and_needs_one_to_be_opened(trained: Path, root: Path) -> None:
    assert not any(name.startswith("segmenter.") for name in tensors(trained))
    found = state(trained)
    assert (found["step"], found["segmenter"]) == (6, None)
    assert "--pairs PAIRS_ROOT --originals ORIGINALS --vgg19 off" in found["command"]
    with pytest.raises(CheckpointError, match="holds no segmenter; name one with --segmenter"):
        open_deployable(trained)
    assert run(PAPER_A, trained, *on_pairs(root), "--resume", "--steps", "3") == 0
    assert state(trained)["step"] == 7


def test_with_a_segmenter_it_is_whole_and_names_both_origins(trained: Path, base: Path) -> None:
    found = open_deployable(trained, str(base))
    outputs = found.model(torch.zeros(1, 20, 30, 3, dtype=torch.uint8))
    assert outputs[0].shape == (1, 20, 30, 3)
    assert "pairs" in found.training["licence"] and "procedural" in " ".join(found.training["data"])
    assert str(trained.parent) not in json.dumps(found.training)


def test_pairs_train_with_a_segmenter_too(root: Path, base: Path) -> None:
    assert run(PAPER_A, root / "with", "--workers", "0", "--pairs", str(root / "set"), segmenter=base) == 0
    assert any(name.startswith("segmenter.") for name in tensors(root / "with"))
    assert state(root / "with")["command"].startswith("python -m training.train smoke --steps 4 && python -m")


def test_a_set_with_classes_of_its_own_is_learned_but_is_no_street_model(root: Path, base: Path) -> None:
    datasets.rain_cityscapes(root / "rain")
    name = f"{datasets.CITY_FRAME}_leftImg8bit_rain"
    for end in ("alpha_0.01_beta_0.005_dropsize_0.01_pattern_1", "alpha_0.03_beta_0.015_dropsize_0.002_pattern_12"):
        datasets.label_map(root / f"rain_originals/{name}_{end}.png", 18, 0)
    assert run(PAPER_A, root / "nineteen", *on_pairs(root, "rain", "rain_originals")) == 0
    assert state(root / "nineteen")["config"]["model"]["classes"] == 19
    with pytest.raises(CheckpointError, match="19 classes"):
        open_deployable(root / "nineteen", str(base))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pairs", "set", "--camvid", "root"], "name one of the two"),
        (["--originals", "maps"], "name it with --pairs ROOT"),
        (["--pairs", "SET", "--originals", "maps", "--segmenter", "somewhere"], "name one of the two"),
    ],
)
def test_options_that_do_not_go_together_are_named(
    options: list[str], message: str, root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = [str(root / "set") if option == "SET" else option for option in options]
    assert run(PAPER_A, tmp_path / "run", *asked) == 1
    assert message in capsys.readouterr().err
