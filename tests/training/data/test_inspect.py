"""`python -m training.inspect`, on tiny trees of every layout."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support import datasets
from tests.support.datasets import BUILDERS, COLUMNS, ROWS, label_map, picture
from training.data.classes import CLASS_ID, CLASSES, VOID
from training.data.readers.layouts import LAYOUTS
from training.data.readers.sets import Pair
from training.inspect import CAPTION_ROWS, TILE, contact_sheet, main, spread


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_recognised_and_drawn(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = tmp_path / "set", tmp_path / "sheets"
    BUILDERS[name](root)
    assert main([str(root), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    source = LAYOUTS[name].reader.source
    told = [f"{root}: {name}", f"source   {source.name}", f"licence  {source.licence}"]
    assert text.splitlines()[:3] == told
    assert f"credit   {source.attribution}" in text
    assert "missing  0" in text
    assert len(list(out.glob(f"{name}*.png"))) == len(LAYOUTS[name].splits(root))


def test_counts_sizes_weathers_and_shares_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    datasets.pairs(tmp_path)
    picture(tmp_path / "input/b.png", size=(ROWS, ROWS))
    picture(tmp_path / "target/b.png", size=(ROWS, ROWS))
    label_map(tmp_path / "labels/b.png", 7, size=(ROWS, ROWS))
    assert main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert ".: 2 frames" in text
    assert "24 x 16 (1), 16 x 16 (1)" in text
    assert "20.00% of the pixels void" in text, "8 of 24 + 16 columns"
    assert "75.00%  class 7" in text
    assert "25.00%  class 0" in text
    datasets.acdc(tmp_path / "acdc")
    assert main([str(tmp_path / "acdc"), "--split", "train"]) == 0
    text = capsys.readouterr().out
    assert "fog 1, night 1, rain 1, snow 1" in text
    assert "test: " not in text


def test_missing_partners_are_counted_and_the_rest_still_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets.cityscapes(tmp_path)
    next(tmp_path.glob("gtFine/train/zurich/*_labelTrainIds.png")).unlink()
    assert main([str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "train: 1 frames" in text
    assert "missing  1 frames without a partner, the first is zurich_000001_000019" in text


def test_partners_of_another_size_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    datasets.weatherbench(tmp_path)
    picture(tmp_path / "haze/train/target/0001.png", size=(ROWS, COLUMNS + 1))
    assert main([str(tmp_path), "--layout", "weatherbench", "--out", str(tmp_path / "out")]) == 1
    assert "1 have partners of another size, the first is haze/0001" in capsys.readouterr().out


def test_a_fault_in_one_split_leaves_the_others_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    datasets.ade20k(tmp_path)
    label_map(tmp_path / "annotations/training/ADE_train_00000001.png", 200)
    assert main([str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "ADE_train_00000001.png: label 200 is out of range" in told.err
    assert "validation: 1 frames" in told.out


def test_a_folder_of_no_layout_gets_a_list_of_all_layouts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "holiday/1.jpg")
    assert main([str(tmp_path)]) == 1
    told = capsys.readouterr().err
    for name, layout in LAYOUTS.items():
        assert f"{name} " in told
        assert layout.expects in told
    assert main([str(tmp_path), "--layout", "acdc"]) == 1
    assert "does not have the layout acdc" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere")]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_layout_selects_one_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    datasets.foggy(tmp_path)
    assert main([str(tmp_path)]) == 0
    assert "also has the layout cityscapes" in capsys.readouterr().out
    assert main([str(tmp_path), "--layout", "cityscapes"]) == 0
    assert f"{tmp_path}: cityscapes\n" in capsys.readouterr().out
    assert main([str(tmp_path), "--split", "holiday"]) == 1
    assert "no split 'holiday'; there are train" in capsys.readouterr().err


def test_limit_reads_frames_spread_over_the_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in range(10):
        picture(tmp_path / f"input/{name}.png")
        picture(tmp_path / f"target/{name}.png")
    assert main([str(tmp_path), "--limit", "3"]) == 0
    assert "read     3 of 10" in capsys.readouterr().out
    assert spread(10, 3) == [0, 3, 6]
    assert spread(2, 3) == spread(2, None) == [0, 1]


def test_the_sheet_shows_image_labels_and_clear_partner() -> None:
    labels_HW = np.full(TILE, CLASS_ID["sky"], np.uint8)
    labels_HW[: TILE[0] // 2] = VOID
    degraded_HW3, clear_HW3 = np.full((*TILE, 3), 50, np.uint8), np.full((*TILE, 3), 90, np.uint8)
    sheet_HW3 = contact_sheet([Pair(degraded_HW3, clear_HW3, labels_HW, "fog", "a")], ["a"], CLASSES)
    assert sheet_HW3.shape == (CAPTION_ROWS + TILE[0], 3 * TILE[1], 3)
    image, labels, clear = np.split(sheet_HW3[CAPTION_ROWS:], 3, axis=1)
    assert (image == 50).all()
    assert (clear == 90).all()
    assert (labels[: TILE[0] // 2] == 0).all(), "void is black"
    assert (labels[TILE[0] // 2 :] == CLASSES[CLASS_ID["sky"]].color).all()


def test_the_command_writes_a_sheet_that_can_be_read(tmp_path: Path) -> None:
    datasets.camvid(tmp_path)
    command = [sys.executable, "-m", "training.inspect", tmp_path, "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    sheet = cv2.imread(str(tmp_path / "out/camvid-val.png"))
    assert sheet is not None
    assert sheet.shape == (2 * (CAPTION_ROWS + TILE[0]), 2 * TILE[1], 3)
