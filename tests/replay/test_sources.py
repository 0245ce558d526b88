"""Frames and their truth come out of every kind of input as they were written."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from tests.support.bags import COMPRESSED, FORMATS, IMAGE, Messages, Shot, write_bag, write_rows
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.sources import Wanted, open_source, open_sources
from weather_perception.replay.window import Window


@pytest.mark.parametrize("kind", FORMATS)
def test_every_bag_format_gives_frames_and_truth(tmp_path: Path, drive: list[Shot], kind: str) -> None:
    source = open_source(write_bag(tmp_path / "bag", drive, kind))
    frames = list(source.frames(with_truth=True))
    assert source.count == len(frames) == len(drive)
    assert source.has_labels
    for frame, shot in zip(frames, drive, strict=True):
        assert (frame.stamp_ns, frame.play_ns, frame.frame_id) == (shot.stamp_ns, shot.stamp_ns, "front_camera")
        np.testing.assert_array_equal(frame.image_HW3, shot.image)
        np.testing.assert_array_equal(frame.truth.image_HW3, shot.clear)
        np.testing.assert_array_equal(frame.truth.labels_HW, shot.labels)
        assert frame.truth.weather == shot.weather


@pytest.mark.parametrize(("plugin", "suffix"), [("mcap", ".mcap"), ("sqlite3", ".db3")])
def test_a_bag_file_without_its_folder_is_read(tmp_path: Path, drive: list[Shot], plugin: str, suffix: str) -> None:
    assert plugin.upper() in StoragePlugin.__members__
    folder = write_bag(tmp_path / "bag", drive, plugin)
    (file,) = folder.glob(f"*{suffix}")
    alone = file.rename(tmp_path / f"alone{suffix}")
    assert len(list(open_source(alone).frames())) == len(drive)


def test_truth_is_joined_by_stamp_where_a_truth_is_missing(tmp_path: Path, drive: list[Shot]) -> None:
    gaps = [replace(shot, clear=None) if index % 2 else shot for index, shot in enumerate(drive)]
    frames = list(open_source(write_bag(tmp_path / "bag", gaps)).frames(with_truth=True))
    assert [frame.truth.image_HW3 is None for frame in frames] == [bool(index % 2) for index in range(len(drive))]
    assert all(frame.truth.weather for frame in frames)


def test_frames_can_be_read_twice(tmp_path: Path, drive: list[Shot]) -> None:
    source = open_source(write_bag(tmp_path / "bag", drive))
    first, second = ([frame.stamp_ns for frame in source.frames()] for _ in range(2))
    assert first == second


def test_bgr_frames_come_out_as_rgb(tmp_path: Path, drive: list[Shot]) -> None:
    shot = replace(drive[0], image=drive[0].image[:, :, ::-1], encoding="bgr8")
    (frame,) = open_source(write_bag(tmp_path / "bag", [shot])).frames()
    np.testing.assert_array_equal(frame.image_HW3, drive[0].image)


def test_a_contradictory_frame_says_why_and_the_next_is_read(tmp_path: Path, drive: list[Shot]) -> None:
    broken = replace(drive[0], fields={"step": 5})
    first, second = open_source(write_bag(tmp_path / "bag", [broken, drive[1]])).frames()
    assert first.image_HW3 is None
    assert first.problem is not None
    assert first.problem.reason == "wrong_step"
    assert second.problem is None


def test_compressed_frames_are_decoded_and_damaged_ones_named(tmp_path: Path, drive: list[Shot]) -> None:
    messages = Messages(ros1=False)
    png = cv2.imencode(".png", drive[0].image[:, :, ::-1])[1].tobytes()
    rows = [("/camera/compressed", COMPRESSED, t, messages.compressed(data, t)) for t, data in ((1, png), (2, b"torn"))]
    good, bad = open_source(write_rows(tmp_path / "bag", rows, messages)).frames()
    np.testing.assert_array_equal(good.image_HW3, drive[0].image)
    assert bad.problem is not None
    assert bad.problem.reason == "undecodable"


def test_a_stamp_that_was_never_set_is_the_time_of_recording(tmp_path: Path, drive: list[Shot]) -> None:
    messages = Messages(ros1=False)
    rows = [("/camera", IMAGE, t, messages.image(drive[0].image, 0, "rgb8")) for t in (100, 200)]
    frames = list(open_source(write_rows(tmp_path / "bag", rows, messages)).frames())
    assert [frame.stamp_ns for frame in frames] == [100, 200]


def test_every_camera_is_found_and_one_may_be_named(tmp_path: Path, drive: list[Shot]) -> None:
    messages = Messages(ros1=False)
    rows = [(topic, IMAGE, 1, messages.image(drive[0].image, 1, "rgb8")) for topic in ("/left", "/right")]
    bag = write_rows(tmp_path / "bag", rows, messages)
    sources, lines = open_sources([bag])
    assert [source.topic for source in sources] == ["/left", "/right"]
    assert lines[1:] == ["  /left: 1 frames, 96x64 rgb8", "  /right: 1 frames, 96x64 rgb8"]
    assert [source.topic for source in open_sources([bag], Wanted(("/right",)))[0]] == ["/right"]
    with pytest.raises(ReplayError, match=r"/middle is not in the recording; .* /left \(1 frames\), /right") as refused:
        open_sources([bag], Wanted(("/middle",)))
    assert refused.value.exit_code == ExitCode.NO_SUCH_TOPIC


def test_topics_that_are_no_cameras_are_left_out_with_the_reason(tmp_path: Path, drive: list[Shot]) -> None:
    messages = Messages(ros1=False)
    png = cv2.imencode(".png", drive[0].image)[1].tobytes()
    depth = np.zeros((4, 4), np.uint16)
    rows = [
        ("/front/image_raw", IMAGE, 1, messages.image(drive[0].image, 1, "rgb8")),
        ("/front/image_raw/compressed", COMPRESSED, 1, messages.compressed(png, 1)),
        ("/rear/image_raw/compressed", COMPRESSED, 1, messages.compressed(png, 1)),
        ("/depth/image_raw", IMAGE, 1, messages.image(depth.view(np.uint8), 1, "16UC1", width=4)),
        ("/restore_node/image_restored", IMAGE, 1, messages.image(drive[0].image, 1, "rgb8")),
        ("/ground_truth/image", IMAGE, 1, messages.image(drive[0].image, 1, "rgb8")),
    ]
    bag = write_rows(tmp_path / "bag", rows, messages)
    sources, lines = open_sources([bag])
    assert [source.topic for source in sources] == ["/front/image_raw", "/rear/image_raw/compressed"]
    assert lines[3:] == [
        "  not /depth/image_raw: 4x4 16UC1, a depth image; name it with --topic to use it",
        "  not /front/image_raw/compressed: the same camera as /front/image_raw, compressed",
        "  not /restore_node/image_restored: an output of restore_node; name it with --topic to use it",
    ]


def test_a_topic_that_holds_no_images_is_refused(tmp_path: Path, drive: list[Shot]) -> None:
    with pytest.raises(ReplayError, match="is of type diagnostic_msgs/msg/DiagnosticArray"):
        open_sources([write_bag(tmp_path / "bag", drive)], Wanted(("/ground_truth/weather",)))


def test_a_window_and_a_stride_leave_frames_out(tmp_path: Path, drive: list[Shot]) -> None:
    source = open_source(write_bag(tmp_path / "bag", drive), Wanted(window=Window(0.1, 0.3, 2)))
    stamps = [(frame.stamp_ns - drive[0].stamp_ns) // 1_000_000 for frame in source.frames(with_truth=True)]
    assert stamps == [100, 200, 300]
    assert source.limited
    assert source.recorded == len(drive)
    assert not source.truth_unused.frames


@pytest.mark.parametrize("name", ["missing.mcap", "drive.txt", "empty", "damaged.mcap"])
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "drive.txt").write_text("not a bag")
    (tmp_path / "damaged.mcap").write_bytes(b"not an MCAP file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReplayError, match=name):
        open_source(tmp_path / name)


def test_a_folder_of_pictures_comes_with_the_labels_beside_it(tmp_path: Path, drive: list[Shot]) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for index, shot in enumerate(drive[:3]):
        cv2.imwrite(str(tmp_path / "images" / f"{index}.png"), shot.image[:, :, ::-1])
    labels = np.full(drive[0].image.shape[:2], 3, np.uint8)
    labels[0] = 11
    cv2.imwrite(str(tmp_path / "labels" / "1.png"), labels)
    source = open_source(tmp_path, Wanted(fps=20))
    frames = list(source.frames(with_truth=True))
    np.testing.assert_array_equal(frames[2].image_HW3, drive[2].image)
    assert {after.stamp_ns - before.stamp_ns for before, after in pairwise(frames)} == {50_000_000}
    assert source.label_names is not None
    assert source.label_names[3] == "road"
    assert frames[0].truth.labels_HW is None
    assert frames[1].truth.labels_HW is not None
    assert set(frames[1].truth.labels_HW[0]) == {255}
    assert set(frames[1].truth.labels_HW[1]) == {3}


def test_a_video_is_read_at_its_own_frame_rate(tmp_path: Path, drive: list[Shot]) -> None:
    path = tmp_path / "drive.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (96, 64))
    for shot in drive:
        writer.write(shot.image[:, :, ::-1])
    writer.release()
    source = open_source(path)
    frames = list(source.frames())
    assert len(frames) == source.count == len(drive)
    assert frames[1].stamp_ns - frames[0].stamp_ns == 40_000_000
    assert np.abs(frames[0].image_HW3.astype(int) - drive[0].image).mean() < 20  # lossy, but the same picture
