"""The CamVid reader, on small trees in the set's own layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.classes import CLASS_ID, CLASSES, VOID
from training.data.readers.camvid import CamVid
from training.data.sample import SKY_DEPTH, assumed_depth, ground_plane_depth

HEIGHT, WIDTH = 36, 48


def write_frame(
    root: Path, name: str, labels_HW: np.ndarray | None = None, suffix: str = ".webp", split: str = "val"
) -> None:
    """A frame whose left half is pure red, with its labels: by default sky above road."""
    for kind in ("images", "labels"):
        (root / split / kind).mkdir(parents=True, exist_ok=True)
    if labels_HW is None:
        labels_HW = np.full((HEIGHT, WIDTH), CLASS_ID["road"], np.uint8)
        labels_HW[: HEIGHT // 2] = CLASS_ID["sky"]
        labels_HW[-1] = 11
    image_HW3 = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image_HW3[:, : WIDTH // 2, 2] = 255  # OpenCV writes BGR
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    assert cv2.imwrite(str(root / split / "images" / f"{name}{suffix}"), image_HW3, lossless)
    assert cv2.imwrite(str(root / split / "labels" / f"{name}.png"), labels_HW)


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_a_frame_comes_with_labels_and_depth(tmp_path: Path, suffix: str) -> None:
    write_frame(tmp_path, "0001TP_000010", suffix=suffix)
    image_HW3, labels_HW, depth_HW, sides = CamVid(tmp_path, "val")[0]
    assert image_HW3.dtype == np.uint8
    assert image_HW3.shape == (HEIGHT, WIDTH, 3)
    assert (image_HW3[:, : WIDTH // 2] == (255, 0, 0)).all(), "RGB order"
    assert labels_HW.dtype == np.uint8
    assert (labels_HW[0] == CLASS_ID["sky"]).all()
    assert (labels_HW[-1] == VOID).all()
    assert (labels_HW[-2] == CLASS_ID["road"]).all()
    assert depth_HW.dtype == np.float32
    assert depth_HW.shape == (HEIGHT, WIDTH)
    assert (depth_HW[: HEIGHT // 2] == SKY_DEPTH).all()
    assert depth_HW[-1].max() < 20
    assert not sides, "a mirrored street keeps its classes"


def test_frames_are_ordered_and_chosen_by_drive(tmp_path: Path) -> None:
    for name in ("0016E5_000002", "0001TP_000020", "0016E5_000001", "0001TP_000010"):
        write_frame(tmp_path, name)
    everything = CamVid(tmp_path, "val")
    assert everything.names == ("0001TP_000010", "0001TP_000020", "0016E5_000001", "0016E5_000002")
    assert everything.drives == ("0001TP", "0001TP", "0016E5", "0016E5")
    one = CamVid(tmp_path, "val", drives=["0016E5"])
    assert len(one) == 2
    assert one.names == ("0016E5_000001", "0016E5_000002")
    assert len(list(one)) == 2, "iterating ends"
    with pytest.raises(ValueError, match=r"0099XX.*0001TP, 0016E5"):
        CamVid(tmp_path, "val", drives=["0099XX"])


def test_a_label_map_without_its_image_or_of_three_channels_is_named(tmp_path: Path) -> None:
    write_frame(tmp_path, "0001TP_1", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(ValueError, match="one channel"):
        CamVid(tmp_path, "val")[0]
    (tmp_path / "val/images/0001TP_1.webp").rename(tmp_path / "val/images/0001TP_2.webp")
    write_frame(tmp_path, "0001TP_2", suffix=".png")
    (tmp_path / "val/images/0001TP_2.webp").unlink()
    with pytest.raises(FileNotFoundError, match=r"no image.*0001TP_1"):
        CamVid(tmp_path, "val")


def test_damaged_image_is_refused(tmp_path: Path) -> None:
    write_frame(tmp_path, "0001TP_1")
    (tmp_path / "val/images/0001TP_1.webp").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"0001TP_1.webp.*not a readable image"):
        CamVid(tmp_path, "val")[0]


def test_an_object_on_the_road_is_as_far_as_its_foot() -> None:
    labels_HW = np.full((180, 240), CLASS_ID["road"], np.uint8)
    labels_HW[:80] = CLASS_ID["sky"]
    labels_HW[60:120, 100:140] = CLASS_ID["car"]
    depth_HW = assumed_depth(labels_HW)
    foot = ground_plane_depth(180, 240)[119, 120]
    assert depth_HW[70:110, 110:130] == pytest.approx(foot, rel=0.02)
    assert depth_HW[30, 120] == SKY_DEPTH


def test_a_building_is_as_far_as_the_pavement_before_it() -> None:
    labels_HW = np.full((180, 240), CLASS_ID["pavement"], np.uint8)
    labels_HW[:110] = CLASS_ID["building"]
    depth_HW = assumed_depth(labels_HW)
    assert depth_HW[5:100, 60] == pytest.approx(ground_plane_depth(180, 240)[109, 60], rel=0.05)


def test_any_labels_give_a_usable_depth() -> None:
    rng = np.random.default_rng(0)
    choices = np.array([*range(len(CLASSES)), VOID], np.uint8)
    for shape in ((1, 1), (7, 31), (64, 48)):
        for labels_HW in (rng.choice(choices, shape), *(np.full(shape, choice, np.uint8) for choice in choices)):
            depth_HW = assumed_depth(labels_HW)
            assert depth_HW.shape == shape
            assert depth_HW.dtype == np.float32
            assert depth_HW.min() > 0
            assert depth_HW.max() <= SKY_DEPTH
