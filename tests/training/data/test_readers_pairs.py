"""The readers of restoration pairs on tiny trees in the sets' own layouts, and every reader's errors."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import datasets
from tests.support.datasets import BUILDERS, COLUMNS, ROWS, picture
from training.data.classes import VOID
from training.data.readers.layouts import LAYOUTS
from training.data.readers.pairs import RESIDE, OutdoorRain, PairFolder, RainDrop, Snow100K
from training.data.readers.sets import PairSet
from training.data.readers.weather_folders import AllWeather, FoundIR, WeatherBench

PAIR_SETS = [
    (datasets.weatherbench, lambda root: WeatherBench(root, "train"), ("haze", "rain", "snow")),
    (datasets.foundir, FoundIR, ("haze", "rain", "raindrop", "nightrain")),
    (datasets.all_weather, lambda root: AllWeather(root, "allweather"), ("rain", "raindrop", "snow")),
    (datasets.outdoor_rain, OutdoorRain, ("rain", "rain")),
    (datasets.raindrop, lambda root: RainDrop(root, "test_a"), ("raindrop",)),
    (datasets.snow100k, lambda root: Snow100K(root, "Snow100K-testset/Snow100K-S"), ("snow",)),
    (datasets.reside, RESIDE, ("haze", "haze")),
    (datasets.pairs, PairFolder, (None,)),
]


@pytest.mark.parametrize(("builder", "reader", "weathers"), PAIR_SETS)
def test_every_degraded_frame_comes_with_its_clear_one(
    tmp_path: Path, builder: Callable[[Path], None], reader: Callable[[Path], PairSet], weathers: tuple[str | None, ...]
) -> None:
    builder(tmp_path)
    pairs = reader(tmp_path)
    assert pairs.weathers == weathers
    assert len(pairs) == len(weathers)
    for pair, weather, name in zip(pairs, weathers, pairs.names, strict=True):
        assert pair.degraded_HW3 == pytest.approx(150, abs=1)
        assert pair.clear_HW3 == pytest.approx(200, abs=1)
        assert (pair.weather, pair.name) == (weather, name)
    assert len(set(pairs.names)) == len(pairs), "names tell pairs apart"


def test_any_folder_pair_may_bring_labels(tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    labels_HW = PairFolder(tmp_path)[0].labels_HW
    assert labels_HW is not None
    assert set(labels_HW[0]) == {0, 7, VOID}
    shutil.rmtree(tmp_path / "labels")
    assert PairFolder(tmp_path)[0].labels_HW is None


def test_pairs_below_the_root_are_splits_by_their_path(tmp_path: Path) -> None:
    for split in ("train", "night/val"):
        datasets.pairs(tmp_path / split)
    assert PairFolder.splits(tmp_path) == ["train", "night/val"]
    assert len(PairFolder(tmp_path, "night/val")) == 1
    with pytest.raises(FileNotFoundError, match=r"no split '\.'; there are train, night/val"):
        PairFolder(tmp_path)


def test_reside_cuts_the_clear_frame_s_border_off(tmp_path: Path) -> None:
    datasets.reside(tmp_path)
    picture(tmp_path / "clear/0001.png", 200, size=(ROWS + 20, COLUMNS + 20))
    pair = RESIDE(tmp_path)[0]
    assert pair.clear_HW3.shape == pair.degraded_HW3.shape == (ROWS, COLUMNS, 3)
    picture(tmp_path / "clear/0001.png", 200, size=(ROWS + 22, COLUMNS))
    with pytest.raises(ValueError, match="differs"):
        RESIDE(tmp_path)[0]
    (tmp_path / "clear").rename(tmp_path / "gt")
    assert len(RESIDE(tmp_path)) == 2, "SOTS calls the folder gt"


def test_weathers_are_chosen_by_name(tmp_path: Path) -> None:
    datasets.weatherbench(tmp_path)
    assert WeatherBench(tmp_path, "test", ["snow"]).names == ("snow/0001",)
    with pytest.raises(FileNotFoundError, match="no weather of split test 'fog'; there are haze, rain, snow"):
        WeatherBench(tmp_path, "test", ["fog"])


def test_a_list_that_names_missing_files_is_refused(tmp_path: Path) -> None:
    datasets.all_weather(tmp_path)
    (tmp_path / "gt/0_rain.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of its 3 pairs are incomplete, the first lacks .*gt/0_rain.png"):
        AllWeather(tmp_path, "allweather")
    assert AllWeather(tmp_path, "allweather", strict=False).missing == ("0_rain",)
    (tmp_path / "allweather.txt").write_text("input/0_rain.png\nsomewhere/0_rain.png\n")
    with pytest.raises(ValueError, match=r"allweather\.txt: the line 'somewhere/0_rain\.png'"):
        AllWeather(tmp_path, "allweather")


def test_partners_of_another_size_are_refused(tmp_path: Path) -> None:
    datasets.weatherbench(tmp_path)
    picture(tmp_path / "haze/train/target/0001.png", size=(ROWS + 1, COLUMNS))
    with pytest.raises(ValueError, match=r"input/0001.png.*\(16, 24\) differs from \(17, 24\) of .*target/0001.png"):
        WeatherBench(tmp_path, "train")[0]


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    picture(tmp_path / "target/a.png")
    with pytest.raises(ValueError, match=r"a\.png: the same name as a\.jpg|a\.jpg: the same name as a\.png"):
        PairFolder(tmp_path)


def test_notes_of_other_systems_are_no_frames(tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    (tmp_path / "input/._a.png").write_bytes(b"note")
    assert PairFolder(tmp_path).names == ("a",)


PARTNERS = {
    "camvid": ("val/labels/0001TP_1.png", 1, 2),
    "foggy-cityscapes": (f"gtFine/train/aachen/{datasets.CITY_FRAME}_gtFine_labelTrainIds.png", 3, 3),
    "cityscapes": (f"gtFine/train/aachen/{datasets.CITY_FRAME}_gtFine_labelTrainIds.png", 1, 2),
    "acdc": ("rgb_anon/fog/train_ref/GOPR0475/GOPR0475_frame_000041_rgb_ref_anon.png", 1, 1),
    "coco-stuff": ("annotations/train2017/000000000009.png", 1, 1),
    "ade20k": ("annotations/training/ADE_train_00000001.png", 1, 1),
    "foundir": ("10Rain/GT/0001.png", 1, 1),
    "weatherbench": ("snow/train/target/0001.png", 1, 1),
    "outdoor-rain": ("gt/im_0001.png", 2, 2),
    "raindrop": ("train/gt/0_clean.png", 1, 1),
    "snow100k": ("Snow100K-training/all/gt/city_read_01.jpg", 1, 1),
    "reside": ("clear/0001.png", 2, 2),
    "pairs": ("target/a.jpg", 1, 1),
}
"""A partner of each layout to remove, the number of frames then without one, and the number of all frames."""


@pytest.mark.parametrize("name", PARTNERS)
def test_frames_without_their_partner_are_counted_and_the_first_named(tmp_path: Path, name: str) -> None:
    BUILDERS[name](tmp_path)
    partner, lone, total = PARTNERS[name]
    (tmp_path / partner).unlink()
    split = next(s for s in LAYOUTS[name].splits(tmp_path) if s == "." or s in partner or f"{s}2017" in partner)
    with pytest.raises(
        FileNotFoundError, match=rf"{lone} of {total} frames have no (clear partner|labels) .* first is \w"
    ):
        LAYOUTS[name].open(tmp_path, split, True)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_missing_root_and_an_unknown_split_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        LAYOUTS[name].open(tmp_path / "nowhere", "train", True)
    BUILDERS[name](tmp_path)
    splits = LAYOUTS[name].splits(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"no split 'holiday'; there are {', '.join(splits)}"):
        LAYOUTS[name].open(tmp_path, "holiday", True)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_empty_split_is_refused(tmp_path: Path, name: str) -> None:
    BUILDERS[name](tmp_path)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".png", ".jpg"):
            path.unlink()
        elif path.suffix == ".txt" and "mapping" not in path.name:
            path.write_text("" if name == "voc2012" else path.read_text())
    if name == "stills":  # a folder is recognised by its photographs alone
        assert LAYOUTS[name].splits(tmp_path) == []
        return
    split = LAYOUTS[name].splits(tmp_path)[0]
    with pytest.raises(ValueError, match=r"holds no (frames|names)|none of its"):
        LAYOUTS[name].open(tmp_path, split, False)


def test_frames_left_out_are_named_and_the_others_read(tmp_path: Path) -> None:
    datasets.weatherbench(tmp_path)
    picture(tmp_path / "rain/train/input/0002.png")
    pairs = WeatherBench(tmp_path, "train", strict=False)
    assert isinstance(pairs, PairSet)
    assert pairs.missing == ("rain/0002",)
    assert pairs.names == ("haze/0001", "rain/0001", "snow/0001")


def test_pairs_of_your_own_may_name_their_classes(tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    (tmp_path / "classes.txt").write_text("".join(f"kind {number}\n" for number in range(8)))
    assert [c.name for c in PairFolder(tmp_path).classes][7] == "kind 7"
    (tmp_path / "classes.txt").write_text("one\ntwo\n")
    with pytest.raises(ValueError, match=r"label 7 is out of range; this set has 0\.\.1"):
        PairFolder(tmp_path)[0]
    (tmp_path / "classes.txt").write_text("one\none\n")
    with pytest.raises(ValueError, match=r"classes\.txt.*every one once"):
        PairFolder(tmp_path)
