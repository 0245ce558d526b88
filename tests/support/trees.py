"""Tiny trees in the layouts of paper A's seven data sets, each with frames to train and to judge on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tests.support.datasets import CITY_FRAME, label_map, picture

CITIES = {"train": CITY_FRAME, "val": "lindau_000000_000019"}
BETAS = ("0.005", "0.01", "0.02")
SIZE = (32, 48)


def city(root: Path) -> None:
    """Cityscapes with disparity and camera, both splits."""
    for split, frame in CITIES.items():
        place = f"{split}/{frame.split('_')[0]}/{frame}"
        photograph(root / f"leftImg8bit/{place}_leftImg8bit.png", 120)
        label_map(root / f"gtFine/{place}_gtFine_labelTrainIds.png", 10, 2, 255, 0, size=SIZE)
        (root / f"camera/{place}").parent.mkdir(parents=True)
        camera = {"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": 2300.0}}
        (root / f"camera/{place}_camera.json").write_text(json.dumps(camera))
        (root / f"disparity/{place}").parent.mkdir(parents=True)
        disparity_HW = np.full(SIZE, 1 + 256 * 23, np.uint16)
        assert cv2.imwrite(str(root / f"disparity/{place}_disparity.png"), disparity_HW)


def fog(root: Path) -> None:
    """Foggy Cityscapes, all three fogs of each frame."""
    city(root)
    for split, frame in CITIES.items():
        for beta in BETAS:
            place = f"{split}/{frame.split('_')[0]}/{frame}_leftImg8bit_foggy_beta_{beta}.png"
            photograph(root / "leftImg8bit_foggy" / place, 180)


def rain(root: Path) -> None:
    """RainCityscapes, three rains of each frame."""
    city(root)
    for split, frame in CITIES.items():
        for number, beta in enumerate(("0.005", "0.01", "0.015"), 1):
            end = f"alpha_0.01_beta_{beta}_dropsize_0.01_pattern_{number}"
            photograph(root / f"leftImg8bit_rain/{split}/{frame.split('_')[0]}/{frame}_leftImg8bit_rain_{end}.png", 90)


def faces(root: Path) -> None:
    """CelebAMask-HQ with a face of each of CelebA's splits, twice as large as their masks."""
    for number in (0, 2, 10):
        photograph(root / f"CelebA-HQ-img/{number}.jpg", 150, (2 * SIZE[0], 2 * SIZE[1]))
        for part, values in {"skin": (255, 255, 0), "l_eye": (255, 0, 0, 0), "hair": (0, 0, 0, 0, 0, 255)}.items():
            label_map(root / f"CelebAMask-HQ-mask-anno/0/{number:05}_{part}.png", *values, size=SIZE)
    lines = ("idx  orig_idx  orig_file", "0  119613  119613.jpg", "2  170000  170000.jpg", "10  190000  190000.jpg")
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(lines) + "\n")


def voc(root: Path) -> None:
    """PASCAL VOC 2012 with its own lists and the augmented one, which names its files by their paths."""
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2007_000033\n")
    (lists / "train_aug.txt").write_text("/JPEGImages/2008_000008.jpg /SegmentationClassAug/2008_000008.png\n")
    for name in ("2007_000033", "2008_000008"):
        photograph(root / f"JPEGImages/{name}.jpg", 100)
        label_map(root / f"SegmentationClassAug/{name}.png", 0, 15, 255, size=SIZE)
    label_map(root / "SegmentationClass/2007_000033.png", 0, 15, 255, size=SIZE)


def coco(root: Path) -> None:
    """COCO-Stuff."""
    for split in ("train", "val"):
        photograph(root / f"images/{split}2017/000000000009.jpg", 100)
        label_map(root / f"annotations/{split}2017/000000000009.png", 0, 181, 255, size=SIZE)


def ade(root: Path) -> None:
    """ADE20K."""
    for split, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        photograph(root / f"images/{split}/{name}.jpg", 100)
        label_map(root / f"annotations/{split}/{name}.png", 0, 1, 150, size=SIZE)


def photograph(path: Path, grey: int, size: tuple[int, int] = SIZE) -> None:
    """A picture of random squares about a grey value."""
    picture(path, grey, size)
    squares = np.random.default_rng(len(path.name)).integers(-60, 60, (size[0] // 4, size[1] // 4, 3))
    image = np.clip(grey + np.repeat(np.repeat(squares, 4, axis=0), 4, axis=1), 0, 255).astype(np.uint8)
    assert cv2.imwrite(str(path), image)


class Tree(NamedTuple):
    """How a layout's tree is made, its splits to train and to judge on, and whether its frames are degraded already."""

    write: Callable[[Path], None]
    train: str
    judge: str
    paired: bool = False


TREES = {
    "cityscapes": Tree(city, "train", "val"),
    "foggy-cityscapes": Tree(fog, "train", "val", paired=True),
    "rain-cityscapes": Tree(rain, "train", "val", paired=True),
    "celebamask-hq": Tree(faces, "train", "test"),
    "voc2012": Tree(voc, "train_aug", "val"),
    "coco-stuff": Tree(coco, "train", "val"),
    "ade20k": Tree(ade, "training", "validation"),
}
"""The seven data sets of paper A (section 4.1), by layout."""
