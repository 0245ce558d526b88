"""The readers of PandaSet, of the Chiba streets and of photographs, and the depth between lidar returns."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support import datasets
from tests.support.datasets import COLUMNS, PANDASET_CLASSES, ROWS, label_map, picture
from training.data.classes import CLASS_ID, VOID
from training.data.lidar_depth import complete_depth, edge_aware_sums, without_holes
from training.data.readers.chiba import Chiba
from training.data.readers.layouts import recognise
from training.data.readers.pandaset import STREET_CLASSES, UNSEEN_CAMERAS, UNSEEN_TIMES, PandaSet
from training.data.readers.stills import Lund, Stills, Udacity
from training.data.sample import SKY_DEPTH, ground_plane_depth
from training.data.source import Source, licence_of


def runs(row_W: np.ndarray) -> list[int]:
    """The labels met from left to right."""
    return [int(row_W[0]), *(int(right) for left, right in pairwise(row_W) if left != right)]


def test_pandaset_maps_classes_by_name_and_leaves_the_rest_void(tmp_path: Path) -> None:
    datasets.pandaset(tmp_path)
    frames = PandaSet(tmp_path)
    assert frames.names == ("back_00", "back_60", "front_00", "front_60"), "not left_00, which has no maps"
    assert frames.missing == ()
    car, road = CLASS_ID["car"], CLASS_ID["road"]
    assert runs(frames[0].labels_HW[0]) == [car, road, VOID]
    names = {**PANDASET_CLASSES, "13": "Road", "7": "Car"}
    (tmp_path / "classes.json").write_text(json.dumps(names))
    assert runs(PandaSet(tmp_path)[0].labels_HW[0]) == [road, car, VOID], "names count, numbers do not"
    assert {CLASS_ID[name] for name in STREET_CLASSES} | {CLASS_ID["sky"], CLASS_ID["pole"]} == set(range(11))


def test_pandaset_frames_are_chosen_by_camera_and_time(tmp_path: Path) -> None:
    datasets.pandaset(tmp_path)
    assert PandaSet(tmp_path, "train").names == ("front_00",)
    assert PandaSet(tmp_path, "unseen").names == ("back_60",)
    assert "back" in UNSEEN_CAMERAS
    assert 60 in UNSEEN_TIMES
    early = PandaSet(tmp_path, cameras=["front", "back"], times=range(10))
    assert (early.names, early.cameras, early.times) == (("back_00", "front_00"), ("back", "front"), (0, 0))
    with pytest.raises(FileNotFoundError, match="no camera 'top'; there are back, front"):
        PandaSet(tmp_path, cameras=["top"])
    with pytest.raises(ValueError, match="no frame of split train, cameras back"):
        PandaSet(tmp_path, "train", cameras=["back"])


def test_pandaset_names_what_does_not_fit(tmp_path: Path) -> None:
    datasets.pandaset(tmp_path)
    label_map(tmp_path / "labels/front_00.png", 99)
    with pytest.raises(ValueError, match=r"front_00\.png: label 99 is out of range"):
        PandaSet(tmp_path, times=[0], cameras=["front"])[0]
    (tmp_path / "depth/front_60.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 4 frames have no depth here, the first is front_60"):
        PandaSet(tmp_path)
    assert PandaSet(tmp_path, strict=False).missing == ("front_60",)
    picture(tmp_path / "depth/back_00.png")
    with pytest.raises(ValueError, match=r"back_00\.png: not a readable 16-bit image"):
        PandaSet(tmp_path, strict=False)[0]
    (tmp_path / "classes.json").write_text("[]")
    with pytest.raises(ValueError, match=r"classes\.json: expected JSON"):
        PandaSet(tmp_path, strict=False)


def test_pandaset_and_chiba_may_be_used_by_anybody_with_credit(tmp_path: Path) -> None:
    assert licence_of([PandaSet.source, Chiba.source]) == (
        "Apache-2.0; learned from PandaSet (CC BY 4.0), Road Damage Dataset, Chiba (CC BY-SA 4.0), with credit"
    )


def test_chiba_lays_objects_over_the_road(tmp_path: Path) -> None:
    datasets.chiba(tmp_path)
    frames = Chiba(tmp_path)
    assert runs(frames[0].labels_HW[0]) == [
        *(CLASS_ID["pedestrian"], VOID, CLASS_ID["road"], CLASS_ID["pavement"], CLASS_ID["road"], CLASS_ID["car"])
    ]
    assert Chiba(tmp_path, "unseen").names == ("Chiba_20170913094022",)
    assert Chiba(tmp_path, "train").names == ("Chiba_20170915094022",)
    label_map(tmp_path / "teacher_objects/Chiba_20170913094022.png", 0, size=(ROWS, COLUMNS + 2))
    with pytest.raises(ValueError, match=r"\(16, 24\) differs from \(16, 26\)"):
        Chiba(tmp_path)[0]
    next((tmp_path / "images").glob("*0915*")).unlink()
    with pytest.raises(ValueError, match="holds no frames of split train"):
        Chiba(tmp_path, "train")


def test_stills_are_void_and_their_owner_is_the_caller_s_to_name(tmp_path: Path) -> None:
    datasets.stills(tmp_path / "town")
    stated = Source("photographs of a town", "MIT", "its mayor", "any")
    frames = Stills(tmp_path / "town", source=stated, leave_out=["*_mask"])
    assert (frames.names, frames.source) == (("a_street",), stated)
    assert (frames[0].labels_HW == VOID).all()
    assert np.array_equal(frames[0].depth_HW, ground_plane_depth(ROWS, COLUMNS))
    unknown = Stills(tmp_path / "town")
    assert unknown.names == ("a_mask", "a_street")
    assert unknown.source == Source("the photographs in the folder town", "not stated")
    with pytest.raises(ValueError, match="`leave_out` names them all"):
        Stills(tmp_path / "town", leave_out=["*"])


def test_a_folder_with_more_than_pictures_is_no_folder_of_stills(tmp_path: Path) -> None:
    picture(tmp_path / "flat/a.png")
    assert recognise(tmp_path / "flat") == ["stills"]
    assert Stills(tmp_path / "flat").names == ("a",)
    for name in ("pandaset", "chiba", "camvid", "pairs"):
        datasets.BUILDERS[name](tmp_path / name)
        assert recognise(tmp_path / name) == [name]
    (tmp_path / "flat/labels").mkdir()
    with pytest.raises(FileNotFoundError, match="no split"):
        Stills(tmp_path / "flat")


def street() -> tuple[np.ndarray, np.ndarray]:
    """A picture of a blue sky, a red wall to its right and grey ground below, and its depth at every eighth row."""
    image_HW3 = np.full((96, 128, 3), 90, np.uint8)
    image_HW3[:60] = (80, 120, 200)
    image_HW3[:60, 64:] = (180, 60, 40)
    truth_HW = np.full((96, 128), SKY_DEPTH, np.float32)
    truth_HW[:60, 64:] = 20
    truth_HW[60:] = 5
    return image_HW3, truth_HW


def test_depth_between_returns_follows_the_image_s_edges() -> None:
    image_HW3, truth_HW = street()
    measured_HW = np.zeros_like(truth_HW)
    measured_HW[2::8] = truth_HW[2::8]
    measured_HW[measured_HW == SKY_DEPTH] = 0
    depth_HW = complete_depth(measured_HW, image_HW3)
    known_HW = measured_HW > 0
    assert np.array_equal(depth_HW[known_HW], measured_HW[known_HW])
    assert depth_HW[:56, 68:] == pytest.approx(20, rel=0.02)
    assert depth_HW[62:] == pytest.approx(5, rel=0.02)
    assert (depth_HW[:36, :60] == SKY_DEPTH).all()
    assert depth_HW.dtype == np.float32


def test_a_wall_is_no_sky_and_one_return_suffices() -> None:
    image_HW3, _ = street()
    image_HW3[:60, :64] = (200, 120, 80)
    measured_HW = np.zeros((96, 128), np.float32)
    measured_HW[70, 5] = 12
    assert complete_depth(measured_HW, image_HW3) == pytest.approx(12, rel=1e-3)
    with pytest.raises(ValueError, match="no measured pixel"):
        complete_depth(np.zeros_like(measured_HW), image_HW3)


def test_what_is_known_to_be_solid_is_as_far_as_the_nearest_thing_and_not_as_the_sky() -> None:
    """A glaring window in a wall 20 m away; the sky beside the wall stays, and so does a frame that is all sky."""
    _, truth_HW = street()
    holed_HW = truth_HW.copy()
    holed_HW[20:30, 80:100] = SKY_DEPTH
    solid_HW = truth_HW == 20
    assert np.array_equal(without_holes(holed_HW, solid_HW), truth_HW)
    assert np.array_equal(without_holes(holed_HW, np.zeros_like(solid_HW)), holed_HW)
    all_sky_HW = np.full_like(truth_HW, SKY_DEPTH)
    assert np.array_equal(without_holes(all_sky_HW, solid_HW), all_sky_HW)


def test_the_filter_keeps_a_flat_plane_and_stops_at_an_edge() -> None:
    image_HW3 = np.zeros((40, 60, 3), np.uint8)
    image_HW3[:, 30:] = 255
    step_HW = np.zeros((40, 60), np.float32)
    step_HW[:, 30:] = 1
    noise_HW = np.random.default_rng(0).normal(0, 0.1, (40, 60)).astype(np.float32)
    flat_HW, smooth_HW = edge_aware_sums(np.stack([np.full((40, 60), 3, np.float32), step_HW + noise_HW]), image_HW3)
    assert flat_HW == pytest.approx(3, rel=1e-4)
    assert np.abs(smooth_HW - step_HW).max() < 0.02, "the noise is gone, the step is not"


def test_two_public_folders_of_photographs_leave_out_what_is_not_theirs(tmp_path: Path) -> None:
    for name in ("data_lund_images_01", "data_berlin_masks_01.jpg", "CarND-Vehicle-Detection_000275", "test_000275"):
        picture(tmp_path / f"{name}.png")
    assert Lund(tmp_path).names == ("CarND-Vehicle-Detection_000275", "data_lund_images_01", "test_000275")
    assert Udacity(tmp_path).names == ("data_berlin_masks_01.jpg", "data_lund_images_01", "test_000275")
    assert licence_of([Lund(tmp_path).source, Udacity(tmp_path).source]).endswith(
        "OpenSfM's photographs of Lund and Berlin (BSD-2-Clause), frames of Udacity's self-driving lessons (MIT), with "
        "credit"
    )
