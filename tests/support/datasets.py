"""Writes tiny data sets in the layouts of public ones, with images of 16 x 24 pixels."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

ROWS, COLUMNS = 16, 24


def picture(path: Path, value: int = 100, size: tuple[int, int] = (ROWS, COLUMNS)) -> None:
    """An image of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*size, 3), value, np.uint8))


def label_map(path: Path, *values: int, size: tuple[int, int] = (ROWS, COLUMNS)) -> None:
    """A label file with the values from left to right, in equal shares of its columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.asarray(values, np.uint8)[np.arange(size[1]) * len(values) // size[1]]
    assert cv2.imwrite(str(path), np.tile(columns, (size[0], 1)))


def camvid(root: Path) -> None:
    for name in ("0001TP_1", "0016E5_1"):
        picture(root / f"val/images/{name}.png")
        label_map(root / f"val/labels/{name}.png", 0, 3, 11)


CITY_FRAME = "aachen_000000_000019"


def cityscapes(
    root: Path, split: str = "train", labels: str = "labelTrainIds", values: tuple[int, ...] = (10, 0)
) -> None:
    for city_frame in (CITY_FRAME, "zurich_000001_000019"):
        place = f"{split}/{city_frame.split('_')[0]}/{city_frame}"
        picture(root / f"leftImg8bit/{place}_leftImg8bit.png", 200)
        label_map(root / f"gtFine/{place}_gtFine_{labels}.png", *values)
        picture(root / f"gtFine/{place}_gtFine_color.png")


def foggy(root: Path) -> None:
    cityscapes(root)
    for beta in ("0.005", "0.01", "0.02"):
        picture(root / f"leftImg8bit_foggyDBF/train/aachen/{CITY_FRAME}_leftImg8bit_foggy_beta_{beta}.png", 150)


def rain_cityscapes(root: Path) -> None:
    cityscapes(root)
    for end in ("alpha_0.01_beta_0.005_dropsize_0.01_pattern_1", "alpha_0.03_beta_0.015_dropsize_0.002_pattern_12"):
        picture(root / f"leftImg8bit_rain/train/aachen/{CITY_FRAME}_leftImg8bit_rain_{end}.png", 150)


def acdc(root: Path) -> None:
    for weather in ("fog", "night", "rain", "snow"):
        for split in ("train", "test"):
            frame = "GOPR0475/GOPR0475_frame_000041"
            picture(root / f"rgb_anon/{weather}/{split}/{frame}_rgb_anon.png", 150)
            picture(root / f"rgb_anon/{weather}/{split}_ref/{frame}_rgb_ref_anon.png", 200)
        label_map(root / f"gt/{weather}/train/{frame}_gt_labelTrainIds.png", 0, 10)


def celebamask(root: Path) -> None:
    for number in (0, 2, 10):
        picture(root / f"CelebA-HQ-img/{number}.jpg", size=(2 * ROWS, 2 * COLUMNS))
        masks = root / "CelebAMask-HQ-mask-anno/0"
        label_map(masks / f"{number:05}_skin.png", 255, 255, 0)
        label_map(masks / f"{number:05}_hair.png", 0, 255, 0)
        label_map(masks / f"{number:05}_nose.png", 255, 0, 0, 0, 0, 0)
    lines = ["idx  orig_idx  orig_file", "0  119613  119613.jpg", "2  170000  170000.jpg", "10  190000  190000.jpg"]
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(lines) + "\n")


def ade20k(root: Path) -> None:
    for split, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        picture(root / f"images/{split}/{name}.jpg")
        label_map(root / f"annotations/{split}/{name}.png", 0, 1, 150)


def voc2012(root: Path) -> None:
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n")
    (lists / "val.txt").write_text("2007_000033\n2007_000042\n")
    picture(root / "JPEGImages/2008_000008.jpg")  # most of the set's images are in no list
    for name in ("2007_000032", "2007_000033", "2007_000042"):
        picture(root / f"JPEGImages/{name}.jpg")
        label_map(root / f"SegmentationClass/{name}.png", 0, 20, 255)


def coco_stuff(root: Path) -> None:
    for split in ("train", "val"):
        picture(root / f"images/{split}2017/000000000009.jpg")
        label_map(root / f"annotations/{split}2017/000000000009.png", 0, 181, 255)


def weatherbench(root: Path) -> None:
    for weather in ("rain", "haze", "snow"):
        for split in ("train", "test"):
            picture(root / f"{weather}/{split}/input/0001.png", 150)
            picture(root / f"{weather}/{split}/target/0001.png", 200)


def foundir(root: Path) -> None:
    for kind in ("08Haze", "10Rain", "11Raindrop", "12NightRain"):
        picture(root / f"{kind}/LQ/0001.png", 150)
        picture(root / f"{kind}/GT/0001.png", 200)


def all_weather(root: Path) -> None:
    names = ("im_0001_s80_a04.png", "0_rain.png", "beautiful_smile_00003.jpg")
    for name in names:
        picture(root / "input" / name, 150)
        picture(root / "gt" / name, 200)
    (root / "allweather.txt").write_text("".join(f"/input/{name}\n" for name in names))


def outdoor_rain(root: Path) -> None:
    for end in ("s80_a04", "s90_a05"):
        picture(root / f"in/im_0001_{end}.png", 150)
    picture(root / "gt/im_0001.png", 200)


def raindrop(root: Path) -> None:
    for split in ("train", "test_a"):
        picture(root / f"{split}/data/0_rain.png", 150)
        picture(root / f"{split}/gt/0_clean.png", 200)


def snow100k(root: Path) -> None:
    for split in ("Snow100K-training/all", "Snow100K-testset/Snow100K-S"):
        picture(root / f"{split}/synthetic/city_read_01.jpg", 150)
        picture(root / f"{split}/gt/city_read_01.jpg", 200)
        picture(root / f"{split}/mask/city_read_01.jpg", 200)


def reside(root: Path) -> None:
    for name in ("0001_0.8_0.2", "0001_0.9_0.1"):
        picture(root / f"hazy/{name}.jpg", 150)
    picture(root / "clear/0001.png", 200)


def pairs(root: Path) -> None:
    picture(root / "input/a.png", 150)
    picture(root / "target/a.jpg", 200)
    label_map(root / "labels/a.png", 0, 7, 255)


def degraded_copy(root: Path) -> None:
    """A copy of CamVid, which lies in it in a folder that no layout sees."""
    camvid(root / ".clear")
    for path in (root / ".clear").rglob("images/*.png"):
        picture(root / path.relative_to(root / ".clear"), 60)
    recipe = {"source": str((root / ".clear").resolve()), "degradation": "jpeg", "severities": [2.0], "seed": 0}
    (root / "degradation.json").write_text(json.dumps({"recipe": recipe}))


PANDASET_CLASSES = {"5": "Vegetation", "7": "Road", "13": "Car", "42": "Other Static Object"}


def pandaset(root: Path, names: tuple[str, ...] = ("front_00", "front_60", "back_00", "back_60")) -> None:
    """Car, road, a static object and no return from left to right, 10 m away; an image without maps among them."""
    for name in names:
        picture(root / f"images/{name}.png")
        label_map(root / f"labels/{name}.png", 13, 7, 42, 0)
        (root / "depth").mkdir(exist_ok=True)
        depth_HW = np.zeros((ROWS, COLUMNS), np.uint16)
        depth_HW[:, : COLUMNS * 3 // 4] = 1000
        assert cv2.imwrite(str(root / f"depth/{name}.png"), depth_HW)
    picture(root / "images/left_00.png")
    (root / "classes.json").write_text(json.dumps(PANDASET_CLASSES))


def chiba(root: Path) -> None:
    for name in ("Chiba_20170913094022", "Chiba_20170915094022"):
        picture(root / f"images/{name}.png")
        label_map(root / f"teacher_road/{name}.png", 0, 1, 2, 3)
        label_map(root / f"teacher_objects/{name}.png", 15, 0, 0, 0, 0, 0, 0, 7)


def stills(root: Path) -> None:
    picture(root / "images/a_street.jpg", 150)
    picture(root / "images/a_mask.png", 255)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "degraded-copy": degraded_copy,
    "camvid": camvid,
    "foggy-cityscapes": foggy,
    "rain-cityscapes": rain_cityscapes,
    "cityscapes": cityscapes,
    "acdc": acdc,
    "celebamask-hq": celebamask,
    "voc2012": voc2012,
    "coco-stuff": coco_stuff,
    "ade20k": ade20k,
    "foundir": foundir,
    "weatherbench": weatherbench,
    "all-weather": all_weather,
    "outdoor-rain": outdoor_rain,
    "raindrop": raindrop,
    "snow100k": snow100k,
    "reside": reside,
    "pairs": pairs,
    "pandaset": pandaset,
    "chiba": chiba,
    "stills": stills,
}
"""The builder of every layout, by its name in `training.inspect`."""
