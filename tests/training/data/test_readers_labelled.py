"""The readers of labelled sets and of Cityscapes in weather, on tiny trees in the sets' own layouts."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support import datasets
from tests.support.datasets import CITY_FRAME, COLUMNS, ROWS, label_map, picture
from training.data.classes import CLASS_ID, VOID
from training.data.readers.adverse_cityscapes import ACDC, FoggyCityscapes, RainCityscapes
from training.data.readers.camvid import CamVid
from training.data.readers.celebamask import CelebAMaskHQ
from training.data.readers.cityscapes import CITYSCAPES_CLASSES, TO_STREET, Cityscapes, coarsely_assumed_depth
from training.data.readers.photographs import ADE20K, VOC2012, COCOStuff
from training.data.sample import SKY_DEPTH, assumed_depth

Builder = Callable[[Path], None]
Reader = Callable[..., Any]

SKY, ROAD = 10, 0
CITY_LABELS = f"gtFine/train/aachen/{CITY_FRAME}_gtFine_labelTrainIds.png"


def first_row(labels_HW: np.ndarray) -> list[int]:
    """The labels met from left to right."""
    row = labels_HW[0]
    return [int(row[0]), *(int(right) for left, right in pairwise(row) if left != right)]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("labelTrainIds", (SKY, ROAD, 255), [SKY, ROAD, VOID]),
        ("labelIds", (23, 7, 4, 33), [SKY, ROAD, VOID, 18]),
    ],
)
def test_cityscapes_gives_train_ids(tmp_path: Path, kind: str, values: tuple[int, ...], expected: list[int]) -> None:
    datasets.cityscapes(tmp_path, labels=kind, values=values)
    frames = Cityscapes(tmp_path, "train")
    assert frames.names == (CITY_FRAME, "zurich_000001_000019")
    assert first_row(frames[0].labels_HW) == expected
    assert frames[0].image_HW3.shape == (ROWS, COLUMNS, 3)
    assert len(frames.classes) == 19
    assert len(list(frames)) == 2, "iterating ends"
    assert [sample.labels_HW.shape for sample in frames[:1]] == [(ROWS, COLUMNS)]


def test_every_street_class_of_cityscapes_keeps_its_meaning() -> None:
    ids = {c.name: TO_STREET[index] for index, c in enumerate(CITYSCAPES_CLASSES)}
    for name in ("road", "building", "fence", "pole", "sky", "car"):
        assert ids[name] == CLASS_ID[name]
    assert ids["sidewalk"] == CLASS_ID["pavement"]
    assert ids["person"] == CLASS_ID["pedestrian"]
    assert ids["vegetation"] == CLASS_ID["tree"]
    assert ids["terrain"] == VOID
    assert TO_STREET[VOID] == VOID


def test_cityscapes_takes_depth_from_its_stereo(tmp_path: Path) -> None:
    datasets.cityscapes(tmp_path, values=(ROAD, SKY))
    disparity_HW = np.full((ROWS, COLUMNS), 1 + 256 * 23, np.uint16)  # 23 pixels
    disparity_HW[0] = 0
    place = f"train/aachen/{CITY_FRAME}"
    for folder in ("disparity", "camera"):
        (tmp_path / folder / "train/aachen").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / f"disparity/{place}_disparity.png"), disparity_HW)
    camera = {"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": 2300.0}}
    (tmp_path / f"camera/{place}_camera.json").write_text(json.dumps(camera))
    measured, assumed = Cityscapes(tmp_path, "train")
    assert measured.depth_HW.dtype == np.float32
    assert measured.depth_HW[1:, : COLUMNS // 2] == pytest.approx(20.0), "0.2 m * 2300 px / 23 px"
    assert (measured.depth_HW[:, COLUMNS // 2 :] == SKY_DEPTH).all()
    prior_HW = assumed_depth(TO_STREET[measured.labels_HW])
    assert measured.depth_HW[0, 0] == prior_HW[0, 0], "no match at this pixel"
    assert np.array_equal(assumed.depth_HW, prior_HW), "no stereo of this frame"
    (tmp_path / f"camera/{place}_camera.json").write_text("{}")
    with pytest.raises(ValueError, match=r"camera\.json.*baseline"):
        Cityscapes(tmp_path, "train")[0]


def test_foggy_cityscapes_pairs_each_fog_with_frame_and_labels(tmp_path: Path) -> None:
    datasets.foggy(tmp_path)
    pairs = FoggyCityscapes(tmp_path, "train")
    assert [attributes["beta"] for attributes in pairs.attributes] == [0.005, 0.01, 0.02]
    pair = pairs[2]
    assert (pair.degraded_HW3[0, 0, 0], pair.clear_HW3[0, 0, 0]) == (150, 200)
    assert pair.labels_HW is not None
    assert first_row(pair.labels_HW) == [SKY, ROAD]
    assert (pair.weather, pair.name) == ("fog", f"{CITY_FRAME}_leftImg8bit_foggy_beta_0.02")
    assert len(FoggyCityscapes(tmp_path, "train", betas=(0.02,))) == 1
    with pytest.raises(FileNotFoundError, match=r"no beta '0.03'; there are 0.005, 0.01, 0.02"):
        FoggyCityscapes(tmp_path, "train", betas=(0.03,))
    picture(tmp_path / f"leftImg8bit_foggy/train/aachen/{CITY_FRAME}_leftImg8bit_foggy_beta_0.02.png", 60)
    with pytest.raises(FileNotFoundError, match="leftImg8bit_foggy/train, leftImg8bit_foggyDBF/train"):
        FoggyCityscapes(tmp_path, "train")
    assert FoggyCityscapes(tmp_path, "leftImg8bit_foggy/train")[0].degraded_HW3[0, 0, 0] == 60


def test_rain_cityscapes_gives_the_numbers_in_the_names(tmp_path: Path) -> None:
    datasets.rain_cityscapes(tmp_path)
    pairs = RainCityscapes(tmp_path, "train")
    assert pairs.attributes[1] == {"alpha": 0.03, "beta": 0.015, "dropsize": 0.002, "pattern": 12}
    assert pairs.weathers == ("rain", "rain")
    assert pairs[0].clear_HW3[0, 0, 0] == 200
    (tmp_path / f"leftImg8bit/train/aachen/{CITY_FRAME}_leftImg8bit.png").unlink()
    with pytest.raises(FileNotFoundError, match=rf"2 of 2 frames have no clear partner.*{CITY_FRAME}"):
        RainCityscapes(tmp_path, "train")


def test_acdc_pairs_each_weather_with_its_reference(tmp_path: Path) -> None:
    datasets.acdc(tmp_path)
    pairs = ACDC(tmp_path, "train")
    assert pairs.weathers == ("fog", "night", "rain", "snow")
    assert (pairs[0].degraded_HW3[0, 0, 0], pairs[0].clear_HW3[0, 0, 0]) == (150, 200)
    assert pairs[0].labels_HW is not None
    assert not pairs.aligned
    assert ACDC(tmp_path, "train", ["night"]).weathers == ("night",)
    assert ACDC(tmp_path, "test")[0].labels_HW is None
    with pytest.raises(FileNotFoundError, match="no weather 'hail'; there are fog, night, rain, snow"):
        ACDC(tmp_path, "train", ["hail"])


def test_acdc_reads_label_ids_in_one_weather_and_train_ids_in_another(tmp_path: Path) -> None:
    datasets.acdc(tmp_path)
    frame = tmp_path / "gt/snow/train/GOPR0475/GOPR0475_frame_000041_gt_label"
    Path(f"{frame}TrainIds.png").unlink()
    label_map(Path(f"{frame}Ids.png"), 7, 23)
    pairs = ACDC(tmp_path, "train")
    for index in range(4):
        labels_HW = pairs.labels(index)
        assert labels_HW is not None
        assert first_row(labels_HW) == [ROAD, SKY]


def test_celebamask_merges_the_parts_in_order(tmp_path: Path) -> None:
    datasets.celebamask(tmp_path)
    frames = CelebAMaskHQ(tmp_path)
    assert frames.names == ("0", "2", "10"), "in the order of numbers"
    skin, nose, hair = 1, 10, 17
    sample = frames[1]
    assert first_row(sample.labels_HW) == [nose, skin, hair, 0], "later parts cover earlier ones"
    assert sample.image_HW3.shape == (ROWS, COLUMNS, 3), "at the masks' size"
    assert [frames.classes[index].name for index in (0, skin, nose, hair, 18)] == [
        *("background", "skin", "nose", "hair", "hat")
    ]
    assert [CelebAMaskHQ(tmp_path, split).names for split in ("train", "val", "test")] == [("0",), ("2",), ("10",)]
    for part in (tmp_path / "CelebAMask-HQ-mask-anno/0").glob("00002_*"):
        part.unlink()
    with pytest.raises(FileNotFoundError, match="1 of 3 frames have no part here, the first is 2"):
        CelebAMaskHQ(tmp_path)
    (tmp_path / "CelebA-HQ-to-CelebA-mapping.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no split 'train'; there are all"):
        CelebAMaskHQ(tmp_path, "train")


def test_ade20k_makes_other_void(tmp_path: Path) -> None:
    datasets.ade20k(tmp_path / "ADEChallengeData2016")
    for root in (tmp_path, tmp_path / "ADEChallengeData2016"):
        frames = ADE20K(root, "validation")
        assert first_row(frames[0].labels_HW) == [VOID, 0, 149]
    assert (frames.classes[0].name, frames.classes[149].name, len(frames.classes)) == ("wall", "flag", 150)


def test_voc_takes_the_listed_frames_and_the_palette_s_indices(tmp_path: Path) -> None:
    datasets.voc2012(tmp_path / "VOCdevkit/VOC2012")
    path = tmp_path / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    indices = Image.open(path).convert("P")
    indices.putdata(Image.open(path).tobytes())
    indices.putpalette([7, 8, 9] * 256)
    indices.save(path)
    frames = VOC2012(tmp_path, "val")
    assert frames.names == ("2007_000033", "2007_000042")
    assert first_row(frames[0].labels_HW) == [0, 20, VOID]
    assert (frames.classes[20].name, frames.classes[15].color) == ("tvmonitor", (192, 128, 128))
    (tmp_path / "VOCdevkit/VOC2012/JPEGImages/2007_000042.jpg").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 of 2 frames listed in val\.txt are missing, the first is 2007_000042"
    ):
        VOC2012(tmp_path, "val")
    assert VOC2012(tmp_path, "val", strict=False).missing == ("2007_000042",)


def test_coco_stuff_keeps_182_classes(tmp_path: Path) -> None:
    datasets.coco_stuff(tmp_path)
    frames = COCOStuff(tmp_path, "val")
    assert first_row(frames[0].labels_HW) == [0, 181, VOID]
    assert (frames.classes[0].name, frames.classes[181].name, len(frames.classes)) == ("person", "wood", 182)


def test_a_truncated_label_file_is_named(tmp_path: Path) -> None:
    datasets.ade20k(tmp_path)
    path = tmp_path / "annotations/training/ADE_train_00000001.png"
    noise_HW = np.random.default_rng(0).integers(0, 151, (ROWS, COLUMNS), np.uint8)
    assert cv2.imwrite(str(path), noise_HW)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"ADE_train_00000001\.png: a truncated image"):
        ADE20K(tmp_path, "training")[0]


def test_a_camera_held_upright_does_not_turn_the_image_away_from_its_labels(tmp_path: Path) -> None:
    datasets.ade20k(tmp_path)
    path = tmp_path / "images/training/ADE_train_00000001.jpg"
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: show it turned by 90 degrees
    Image.open(path).save(path, exif=turned)
    assert ADE20K(tmp_path, "training")[0].image_HW3.shape == (ROWS, COLUMNS, 3)


@pytest.mark.parametrize(
    ("builder", "reader", "split", "labels", "value", "known"),
    [
        (datasets.cityscapes, Cityscapes, "train", CITY_LABELS, 19, 18),
        (datasets.camvid, CamVid, "val", "val/labels/0001TP_1.png", 12, 11),
        (datasets.ade20k, ADE20K, "training", "annotations/training/ADE_train_00000001.png", 151, 150),
        (datasets.voc2012, VOC2012, "train", "SegmentationClass/2007_000032.png", 21, 20),
        (datasets.coco_stuff, COCOStuff, "train", "annotations/train2017/000000000009.png", 182, 181),
    ],
)
def test_a_label_out_of_range_is_named(
    tmp_path: Path, builder: Builder, reader: Reader, split: str, labels: str, value: int, known: int
) -> None:
    builder(tmp_path)
    label_map(tmp_path / labels, 0, value)
    with pytest.raises(ValueError, match=rf"{Path(labels).name}: label {value} is out of range; .* 0\.\.{known}"):
        reader(tmp_path, split)[0]


@pytest.mark.parametrize(
    ("builder", "reader", "split", "labels"),
    [
        (datasets.cityscapes, Cityscapes, "train", CITY_LABELS),
        (datasets.camvid, CamVid, "val", "val/labels/0001TP_1.png"),
        (datasets.foggy, FoggyCityscapes, "train", CITY_LABELS),
        (datasets.voc2012, VOC2012, "train", "SegmentationClass/2007_000032.png"),
    ],
)
def test_labels_of_another_size_are_refused(
    tmp_path: Path, builder: Builder, reader: Reader, split: str, labels: str
) -> None:
    builder(tmp_path)
    label_map(tmp_path / labels, 0, size=(ROWS, COLUMNS + 2))
    with pytest.raises(ValueError, match=rf"\(16, 24\) differs from \(16, 26\) of .*{Path(labels).name}"):
        reader(tmp_path, split)[0]


def test_an_augmented_list_of_voc_has_the_augmented_labels(tmp_path: Path) -> None:
    datasets.voc2012(tmp_path)
    label_map(tmp_path / "SegmentationClassAug/2008_000008.png", 15, 0)
    lists = tmp_path / "ImageSets/Segmentation"
    (lists / "train_aug.txt").write_text("/JPEGImages/2008_000008.jpg /SegmentationClassAug/2008_000008.png\n")
    (lists / "trainaug.txt").write_text("2008_000008\n")
    for split in ("train_aug", "trainaug"):
        frames = VOC2012(tmp_path, split)
        assert frames.names == ("2008_000008",) and first_row(frames.labels(0)) == [15, 0]
    assert len(VOC2012(tmp_path, "val")) == 2


def test_the_depth_of_a_large_frame_is_as_plausible_as_a_small_ones() -> None:
    labels_HW = np.repeat(np.array([SKY, 2, ROAD], np.uint8), 200)[:, None].repeat(800, axis=1)
    coarse_HW, fine_HW = coarsely_assumed_depth(labels_HW), assumed_depth(TO_STREET[labels_HW])
    assert coarse_HW.shape == fine_HW.shape
    assert np.median(np.abs(coarse_HW / fine_HW - 1)) < 0.05


def test_depth_is_not_made_for_degradations_without_need_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.cityscapes(tmp_path)
    frames = Cityscapes(tmp_path, "train")
    monkeypatch.setattr(Cityscapes, "depth", lambda *_: pytest.fail("made"))
    assert frames.without_depth()[0].depth_HW.shape == (ROWS, COLUMNS) and frames.with_depth
