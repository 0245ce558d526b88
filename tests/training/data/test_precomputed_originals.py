"""Paper A on pairs with precomputed original segmentations: training, resuming, export."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.data import DataLoader

from tests.support import datasets
from training import evaluate, export, train
from training.config import smoke
from training.data.paired_crops import SegmentedCrops
from training.data.readers.pairs import PairFolder
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.open_checkpoint import open_checkpoint
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a.config import paper_a_smoke
from training.segmenters.restore_checkpoint import PRECOMPUTED

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder pair with labels in `set`, and an original segmentation of its frame in `originals`."""
    root = tmp_path_factory.mktemp("data")
    datasets.pairs(root / "set")
    datasets.label_map(root / "originals/a.png", 3, 255)
    return root


def arguments(root: Path, run: Path) -> list[str]:
    return ["paper_a_smoke", "--threads", "1", "--out", str(run), "--pairs", str(root / "set")]


@pytest.fixture(scope="module")
def run(root: Path) -> Path:
    """A finished run on the precomputed maps."""
    folder = root / "run"
    assert train.main([*arguments(root, folder), "--originals", str(root / "originals")]) == 0
    return folder


@pytest.fixture(scope="module")
def base(root: Path) -> Path:
    """A deployable model's checkpoint with CamVid in its command."""
    trainer = train.build(smoke(), train.loop_config(smoke()))
    trainer.save(root / "base", {})
    path = root / "base" / checkpoint.STATE_FILE
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"command": "python -m training.train default --camvid CAMVID_ROOT"}))
    return root / "base"


def test_the_original_segmentation_is_the_map_and_undecided_where_it_is_void(root: Path) -> None:
    crops = SegmentedCrops(PairFolder(root / "set"), root / "originals", (16, 24), seed=0)
    batch = next(iter(DataLoader(crops, 2, sampler=range(2))))
    views = paper_a_stages.PaperA(paper_a_smoke(), None).look(batch, {})
    void = (batch.original_HW == 255)[:, None].expand_as(views.original_BKHW)
    assert bool(void.any()) and bool((views.original_BKHW[void] == 1 / 11).all())
    assert bool((views.original_BKHW[:, 3][batch.original_HW == 3] == 1).all())


def test_a_run_on_them_holds_no_segmenter_and_no_path(run: Path, root: Path) -> None:
    assert not (run / "segmenter.safetensors").exists()
    _, state = checkpoint.load(run, "sgada", "egsyn")
    assert state["step"] == 6
    assert state["config"]["segmenter"] == {"kind": PRECOMPUTED}
    assert state["config"]["data_set"] == "pairs"
    assert "--pairs PAIRS_ROOT --originals ORIGINALS --vgg19 off" in state["command"]
    resumed = [*arguments(root, run), "--originals", str(root / "originals"), "--resume", "--steps", "3"]
    assert train.main(resumed) == 0
    assert checkpoint.load(run)[1]["step"] == 7


@pytest.mark.parametrize(("command", "more"), [(export, ["--out", "a.pt2"]), (evaluate, [])])
def test_judging_it_or_handing_it_out_asks_for_a_segmenter(
    run: Path, command: ModuleType, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(run), *more]) == 1
    assert "precomputed label maps" in (told := capsys.readouterr().err) and "--segmenter" in told


def test_with_a_segmenter_it_is_whole_and_says_what_that_learned_from(run: Path, base: Path) -> None:
    found = open_checkpoint(run, str(base))
    outputs = found.model(torch.zeros(1, 20, 30, 3, dtype=torch.uint8))
    assert outputs[0].shape == (1, 20, 30, 3)
    training = found.training
    assert "research use only" in training["licence"] and "the data set pairs" in training["licence"]
    assert str(run.parent) not in json.dumps(training)
    with pytest.raises(CheckpointError, match="segmenter of its own"):
        open_checkpoint(base, str(base))


def test_pairs_train_with_a_segmenter_too(root: Path, base: Path) -> None:
    assert train.main([*arguments(root, root / "with"), "--segmenter", str(base)]) == 0
    (weights,), state = checkpoint.load(root / "with", "segmenter")
    assert weights
    assert state["command"].startswith("python -m training.train default --camvid CAMVID_ROOT && python -m")


def test_a_set_with_classes_of_its_own_is_learned_but_is_no_street_model(root: Path) -> None:
    datasets.rain_cityscapes(root / "rain")
    name = f"{datasets.CITY_FRAME}_leftImg8bit_rain"
    for end in ("alpha_0.01_beta_0.005_dropsize_0.01_pattern_1", "alpha_0.03_beta_0.015_dropsize_0.002_pattern_12"):
        datasets.label_map(root / f"rain_originals/{name}_{end}.png", 18, 0)
    options = ["--pairs", str(root / "rain"), "--originals", str(root / "rain_originals")]
    assert train.main([*arguments(root, root / "nineteen"), *options]) == 0
    assert checkpoint.load(root / "nineteen")[1]["config"]["model"]["classes"] == 19
    with pytest.raises(CheckpointError, match="19 classes"):
        open_checkpoint(root / "nineteen")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["smoke", "--pairs", "set"], "smoke makes its degraded frames itself"),
        (["paper_a_smoke", "--pairs", "set", "--camvid", "root"], "on pairs alone"),
        (["paper_a_smoke", "--originals", "maps"], "name it with --pairs ROOT"),
    ],
)
def test_options_that_do_not_go_together_are_named(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert train.main([*options, "--threads", "1", "--out", str(tmp_path / "run")]) == 1
    assert message in capsys.readouterr().err


def test_two_sources_of_the_original_segmentation_are_one_too_many(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--originals", str(root / "originals"), "--segmenter", "somewhere"]
    assert train.main([*arguments(root, root / "both"), *both]) == 1
    assert "name one of the two" in capsys.readouterr().err
