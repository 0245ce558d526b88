"""`python -m training.degrade` on a small tree in CamVid's layout."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support import datasets
from training.data.degradations import fog, gaussian_noise, reflection
from training.data.degradations.released import released_multiplicative_noise, released_noise
from training.data.degraded_copy import MANIFEST, seed_of
from training.data.readers.camvid import CamVid
from training.data.readers.photographs import ADE20K, VOC2012, COCOStuff
from training.data.sample import SKY_DEPTH, ground_plane_depth
from training.degrade import main

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("0001TP_000001", "0001TP_000002", "0006R0_000001")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three labelled frames of 48 x 64 under ROOT/train, as lossless WebP, and a text beside them."""
    root = tmp_path / "camvid"
    for index, name in enumerate(NAMES):
        rng = np.random.default_rng(index)
        image_HW3 = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))
        write(root / "train" / "images" / f"{name}.webp", image_HW3, [cv2.IMWRITE_WEBP_QUALITY, 101])
        write(root / "train" / "labels" / f"{name}.png", rng.integers(0, 12, (48, 64), dtype=np.uint8))
    (root / "LICENCE.txt").write_text("for research")
    return root


def write(path: Path, pixels: np.ndarray, parameters: list[int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels, parameters or [])


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_copy_is_read_by_the_same_reader_and_holds_the_documented_pixels(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "noisy"
    assert main([str(source), str(out), "--degradation", "gaussian_noise", "--severity", "2", "--seed", "5"]) == 0
    clear, noisy = CamVid(source, "train"), CamVid(out, "train")
    assert noisy.names == clear.names
    for index in range(len(clear)):
        assert np.array_equal(noisy[index].labels_HW, clear[index].labels_HW)
        name = clear.names[index].split("/")[-1]
        image_HW3, depth_HW = clear[index].image_HW3, ground_plane_depth(48, 64)
        assert np.array_equal(noisy[index].image_HW3, gaussian_noise(image_HW3, depth_HW, 2, seed_of(5, name)))
    assert (out / "LICENCE.txt").read_text() == "for research"
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["command"].endswith("--degradation gaussian_noise --severity 2 --seed 5")
    assert manifest["recipe"]["severities"] == [2.0]
    assert manifest["recipe"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("build", "reader", "split"),
    [
        (datasets.voc2012, VOC2012, "val"),
        (datasets.ade20k, ADE20K, "validation"),
        (datasets.coco_stuff, COCOStuff, "val"),
    ],
)
def test_sets_of_jpeg_pictures_are_read_as_png_too(tmp_path: Path, build, reader, split: str) -> None:  # type: ignore[no-untyped-def]
    source, out = tmp_path / "set", tmp_path / "degraded"
    build(source)
    assert main([str(source), str(out), "--degradation", "gaussian_noise"]) == 0
    clear, noisy = reader(source, split)[0], reader(out, split)[0]
    assert np.array_equal(noisy.labels_HW, clear.labels_HW)
    assert np.abs(noisy.image_HW3.astype(int) - clear.image_HW3).mean() > 10


def test_rerun_and_subset_give_the_same_pictures(source: Path, tmp_path: Path) -> None:
    arguments = ["--degradation", "rain", "--severity", "0.3", "0.6", "0.9", "--seed", "3"]
    assert main([str(source), str(tmp_path / "all"), *arguments]) == 0
    assert main([str(source), str(tmp_path / "again"), *arguments]) == 0
    assert main([str(source / "train" / "images"), str(tmp_path / "part"), *arguments]) == 0
    whole, again, part = (contents(tmp_path / name) for name in ("all", "again", "part"))
    for files in (whole, again, part):
        del files[MANIFEST]
    assert whole == again
    assert len(part) == 3
    assert all(whole[f"train/images/{name}"] == data for name, data in part.items())


def test_an_interrupted_run_continues_and_writes_only_the_missing_files(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [str(source), str(out), "--degradation", "snow"]
    main(arguments)
    complete = contents(out)
    image = out / "train" / "images" / f"{NAMES[1]}.png"
    image.unlink()
    image.with_name(f".{image.name}.part").write_bytes(b"half")
    kept = (out / "train" / "images" / f"{NAMES[0]}.png").stat().st_mtime_ns
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 files written, 6 already present" in capsys.readouterr().out
    assert contents(out) == complete
    assert (out / "train" / "images" / f"{NAMES[0]}.png").stat().st_mtime_ns == kept


def test_other_settings_are_refused_unless_forced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    main([str(source), str(out), "--degradation", "jpeg", "--severity", "1"])
    before = contents(out)
    with pytest.raises(SystemExit):
        main([str(source), str(out), "--degradation", "jpeg", "--severity", "3"])
    assert "severities [1.0], now [3.0]" in capsys.readouterr().err
    assert contents(out) == before
    assert main([str(source), str(out), "--degradation", "jpeg", "--severity", "3", "--force"]) == 0
    image = f"train/images/{NAMES[0]}.png"
    assert contents(out)[image] != before[image]


def test_a_folder_that_is_no_degraded_copy_is_never_replaced(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.txt").write_text("mine")
    for out in (mine, source, source / "foggy", tmp_path):
        with pytest.raises(SystemExit):
            main([str(source), str(out), "--degradation", "fog", "--force"])
    assert contents(mine) == {"photo.txt": b"mine"}
    assert not (source / MANIFEST).exists()


def test_bad_pictures_are_named_and_the_others_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = source / "train" / "images" / f"{NAMES[1]}.webp"
    bad.write_bytes(b"no picture")
    out = tmp_path / "out"
    arguments = [str(source), str(out), "--degradation", "fog"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "1 unreadable pictures left out" in error
    assert str(bad) in error
    assert sorted(path.stem for path in (out / "train" / "images").iterdir()) == [NAMES[0], NAMES[2]]
    write(bad, np.zeros((48, 64, 3), np.uint8))
    assert main(arguments) == 0, "the next run writes it"


def test_depth_maps_are_metres_times_256_with_prior_and_sky(source: Path, tmp_path: Path) -> None:
    stored_HW = np.full((48, 64), 30 * 256, np.uint16)
    stored_HW[:10] = 65535
    stored_HW[40:] = 0
    for name in NAMES:
        write(tmp_path / "depth" / "train" / "images" / f"{name}.png", stored_HW)
    out = tmp_path / "out"
    arguments = ["--degradation", "fog", "--severity", "0.8", "--depth", str(tmp_path / "depth")]
    assert main([str(source), str(out), *arguments]) == 0
    depth_HW = ground_plane_depth(48, 64)
    depth_HW[:40] = 30
    depth_HW[:10] = SKY_DEPTH
    image_HW3 = read(source / "train" / "images" / f"{NAMES[2]}.webp")
    expected_HW3 = fog(image_HW3, depth_HW, 0.8, seed_of(0, NAMES[2]))
    assert np.array_equal(read(out / "train" / "images" / f"{NAMES[2]}.png"), expected_HW3)


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ([], released_noise),
        (["--noise", "multiplicative"], released_multiplicative_noise),
    ],
)
def test_the_released_protocol_makes_the_noise_of_the_scripts(
    source: Path, tmp_path: Path, arguments: list[str], made: Callable[..., np.ndarray]
) -> None:
    out = tmp_path / "out"
    chosen = ["--degradation", "gaussian_noise", "--severity", "3", "--protocol", "released", *arguments]
    assert main([str(source), str(out), *chosen]) == 0
    image_HW3 = read(source / "train" / "images" / f"{NAMES[0]}.webp")
    expected_HW3 = made(image_HW3, ground_plane_depth(48, 64), 3, seed_of(0, NAMES[0]))
    assert np.array_equal(read(out / "train" / "images" / f"{NAMES[0]}.png"), expected_HW3)
    recipe = json.loads((out / MANIFEST).read_text())["recipe"]
    assert (recipe["protocol"], recipe["noise"]) == ("released", arguments[1] if arguments else "additive")


def test_a_missing_depth_map_is_named(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "depth").mkdir()
    arguments = ["--degradation", "fog", "--depth", str(tmp_path / "depth")]
    assert main([str(source), str(tmp_path / "out"), *arguments]) == 1
    assert str(tmp_path / "depth" / "train" / "images" / f"{NAMES[0]}.png") in capsys.readouterr().err


def test_windows_reflect_the_pictures_of_the_given_folder(source: Path, tmp_path: Path) -> None:
    layer_HW3 = np.full((30, 30, 3), 90, np.uint8)
    write(tmp_path / "layers" / "grey.png", layer_HW3)
    out = tmp_path / "out"
    arguments = ["--degradation", "reflection", "--severity", "1", "--reflections", str(tmp_path / "layers")]
    assert main([str(source), str(out), *arguments]) == 0
    image_HW3 = read(source / "train" / "images" / f"{NAMES[0]}.webp")
    expected_HW3 = reflection(image_HW3, ground_plane_depth(48, 64), 1.0, seed_of(0, NAMES[0]), layer_HW3)
    assert np.array_equal(read(out / "train" / "images" / f"{NAMES[0]}.png"), expected_HW3)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--degradation", "jpeg", "--severity", "5"], "whole number from 0 to 4"),
        (["--degradation", "fog", "--severity", "2"], "from 0 to 1"),
        (["--degradation", "fog", "--seed", "-1"], "seed"),
        (["--degradation", "fog", "--reflections", "."], "takes none"),
        (["--degradation", "fog", "--protocol", "released"], "have no fog; they have gaussian_blur"),
        (["--degradation", "jpeg", "--protocol", "released", "--noise", "multiplicative"], "gaussian_noise; it needs"),
        (["--degradation", "gaussian_noise", "--noise", "multiplicative"], "needs --protocol released"),
        (["--degradation", "fog", "--depth", "nowhere"], "nowhere"),
        (["--degradation", "fog", "--keep", "images", "labels"], "no picture"),
    ],
)
def test_impossible_requests_are_refused_before_anything_is_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    with pytest.raises(SystemExit):
        main([str(source), str(tmp_path / "out"), *arguments])
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_that_would_become_one_are_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(source / "train" / "images" / f"{NAMES[0]}.png", np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SystemExit):
        main([str(source), str(tmp_path / "out"), "--degradation", "fog"])
    assert "would both become" in capsys.readouterr().err


def test_runs_as_a_command(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.degrade", source, tmp_path / "out", "--degradation", "night"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "7 files written" in finished.stdout
    assert "night: 100%" in finished.stderr
