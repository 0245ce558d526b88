"""The way of someone who has paper A's data sets: inspect, degrade, train on and judge with each of the seven."""

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import cv2
import pytest

from tests.support.runs import run, state
from tests.support.segformer import write_segformer
from tests.support.stub_device import second_device
from tests.support.trees import SIZE, TREES
from training import degrade, evaluate, inspect
from training.data.readers.layouts import LAYOUTS, recognise
from training.data.readers.sets import PairSet
from training.recipes.paper_a.recipe import PAPER_A

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=TREES)
def walked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Path]:
    """A layout, the root of its pairs (of a copy, if its frames are clear), and a segmenter of its classes."""
    name = request.param
    tree, root, copy = TREES[name], tmp_path / "set", tmp_path / "copy"
    tree.write(root)
    assert recognise(root)[0] == name and inspect.main([str(root)]) == 0
    if not tree.paired:
        assert degrade.main([str(root), str(copy), "--degradation", "jpeg"]) == 0
        assert recognise(copy)[0] == "degraded-copy" and inspect.main([str(copy)]) == 0
        root = copy
    classes = [c.name for c in LAYOUTS[recognise(root)[0]].open(root, tree.train, True).classes]
    return name, root, write_segformer(tmp_path / "segformer", classes)


@pytest.mark.parametrize("walked", TREES, indirect=True)
def test_every_set_is_trained_on_and_judged_with_its_own_classes(
    walked: tuple[str, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, root, segmenter = walked
    tree, out = TREES[name], tmp_path / "run"
    pairs = ["--pairs", str(root)]
    elsewhere: AbstractContextManager[None] = second_device() if name == "foggy-cityscapes" else nullcontext()
    with elsewhere:
        trained = run(
            PAPER_A, out, "--workers", "0", "--steps", "1", *pairs, "--pairs-split", tree.train, segmenter=segmenter
        )
        told = capsys.readouterr()
        assert trained == 0, told.err
        assert f"training.evaluate {out} --pairs {root} --split SPLIT\n" in told.out
        assert evaluate.main([str(out), *pairs, "--split", tree.judge, "--limit", "3"]) == 0
    ((weather, scores),) = next(iter(json.loads((out / "metrics.json").read_text()).values())).items()
    assert weather == {"foggy-cityscapes": "fog", "rain-cityscapes": "rain"}.get(name, "jpeg")
    assert scores["frames"] == (3 if tree.paired else 1) and 0 <= scores["refined"]["set"]["miou"] <= 1
    assert [c["name"] for c in state(out)["classes"]] == [c.name for c in LAYOUTS[name].open(
        root if tree.paired else tmp_path / "set", tree.train, True).classes]  # fmt: skip


def test_a_copy_holds_frames_alone_at_the_size_of_their_masks(tmp_path: Path) -> None:
    TREES["celebamask-hq"].write(tmp_path / "faces")
    assert degrade.main([str(tmp_path / "faces"), str(tmp_path / "copy"), "--degradation", "jpeg"]) == 0
    assert cv2.imread(str(tmp_path / "copy/CelebA-HQ-img/0.png")).shape[:2] == SIZE
    pairs = LAYOUTS["degraded-copy"].open(tmp_path / "copy", "train", True)
    assert isinstance(pairs, PairSet) and pairs[0].clear_HW3.shape == pairs[0].degraded_HW3.shape == (*SIZE, 3)
    assert pairs.attributes[0]["severity"] in (1, 2, 3, 4) and pairs.sides


def test_labels_in_any_folder_stay_and_frames_in_weather_are_left_out(tmp_path: Path) -> None:
    for name, kept in (("voc2012", "SegmentationClassAug/2008_000008.png"), ("foggy-cityscapes", "")):
        source, out = tmp_path / name, tmp_path / f"{name}_copy"
        TREES[name].write(source)
        assert degrade.main([str(source), str(out), "--degradation", "fog", "--severity", "1"]) == 0
        if kept:
            assert (out / kept).read_bytes() == (source / kept).read_bytes()
        assert not (out / "leftImg8bit_foggy").exists()


def test_fog_on_cityscapes_follows_its_stereo(tmp_path: Path) -> None:
    TREES["cityscapes"].write(tmp_path / "near")
    TREES["cityscapes"].write(tmp_path / "unknown")
    for camera in (tmp_path / "unknown").rglob("*_camera.json"):
        camera.unlink()
    for name in ("near", "unknown"):
        out = tmp_path / f"{name}_copy"
        assert degrade.main([str(tmp_path / name), str(out), "--degradation", "fog", "--severity", "1"]) == 0
    found = [next((tmp_path / f"{name}_copy").rglob("leftImg8bit/train/*/*.png")) for name in ("near", "unknown")]
    near, unknown = (cv2.imread(str(path)).astype(float) for path in found)
    assert abs(near - unknown).max() > 5  # the stereo has all at 20 m


def test_a_copy_whose_source_is_gone_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TREES["coco-stuff"].write(tmp_path / "set")
    assert degrade.main([str(tmp_path / "set"), str(tmp_path / "copy"), "--degradation", "jpeg"]) == 0
    (tmp_path / "set").rename(tmp_path / "moved")
    assert run(PAPER_A, tmp_path / "run", "--pairs", str(tmp_path / "copy"), "--pairs-split", "val") == 1
    assert "clear frames are gone" in capsys.readouterr().err
