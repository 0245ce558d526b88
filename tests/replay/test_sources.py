"""Frames and their truth come out of every kind of input as they were written."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from rosbags.rosbag2 import StoragePlugin

from tests.support.bags import COMPRESSED, FORMATS, IMAGE, Messages, Shot, write_bag, write_rows
from tests.support.videos import with_durations, without_index, write_video
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import FIRST_STAMP_NS, ReplayError
from weather_perception.replay.sources import Wanted, open_source, open_sources
from weather_perception.replay.videos import VideoSource
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


@pytest.mark.parametrize(
    ("window", "left"),
    [(Window(), 10), (Window(stride=3), 4), (Window(0.4, 0.4), 4), (Window(0.4, 0.4, 3), 2), (Window(5.0), 0)],
)
def test_the_frames_that_a_window_leaves_are_told_before_they_are_read(window: Window, left: int) -> None:
    assert window.left(10, 1_000_000_000) == left


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


@pytest.mark.parametrize("name", ["drive.mp4", "drive.avi", "DRIVE.MTS"])
def test_a_video_is_read_at_its_own_frame_rate(tmp_path: Path, drive: list[Shot], name: str) -> None:
    kind = ".avi" if name.endswith(".avi") else ".mp4"
    path = write_video(tmp_path / f"video{kind}", [shot.image for shot in drive]).rename(tmp_path / name)
    source = open_source(path)
    frames = list(source.frames())
    assert len(frames) == source.count == source.recorded == len(drive)
    assert frames[1].stamp_ns - frames[0].stamp_ns == 40_000_000
    assert np.abs(frames[0].image_HW3.astype(int) - drive[0].image).mean() < 20  # lossy, but the same picture


def test_frames_of_a_variable_rate_have_their_own_times(tmp_path: Path, drive: list[Shot]) -> None:
    video = write_video(tmp_path / "phone.mp4", [shot.image for shot in drive[:6]])
    path = with_durations(video, [1, 3, 1, 1, 10, 1])
    times = [(frame.stamp_ns - FIRST_STAMP_NS) // 1_000_000 for frame in open_source(path).frames()]
    assert times == [0, 40, 160, 200, 240, 640]
    window = open_source(path, Wanted(window=Window(0.15, 0.2)))
    assert [(frame.stamp_ns - FIRST_STAMP_NS) // 1_000_000 for frame in window.frames()] == [160, 200, 240]


def test_a_video_s_frame_that_cannot_be_decoded_is_counted(
    tmp_path: Path, drive: list[Shot], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "phone.mp4", [shot.image for shot in drive[:4]])
    retrieved: list[int] = []

    class Capture:
        """OpenCV's, whose second frame cannot be decoded."""

        def __init__(self) -> None:
            self.whole = cv2.VideoCapture(str(path))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.whole, name)

        def retrieve(self) -> tuple[bool, Any]:
            retrieved.append(1)
            return self.whole.retrieve() if len(retrieved) != 2 else (False, None)

    monkeypatch.setattr(VideoSource, "_open", lambda source: Capture())
    frames = list(VideoSource(path).frames())
    assert [frame.problem.reason if frame.problem else None for frame in frames] == [None, "undecodable", None, None]
    assert frames[1].stamp_ns < frames[2].stamp_ns


def test_a_video_without_its_index_is_not_told_to_become_what_it_is(tmp_path: Path, drive: list[Shot]) -> None:
    path = without_index(write_video(tmp_path / "cut.mp4", [shot.image for shot in drive[:3]]))
    with pytest.raises(ReplayError, match=r"cut\.mp4: .* no index \(moov\).*untrunc") as refused:
        open_source(path)
    assert refused.value.exit_code == ExitCode.UNREADABLE


def test_pictures_come_in_the_order_of_their_numbers_and_nothing_else_does(tmp_path: Path, drive: list[Shot]) -> None:
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "._frame1.png").write_bytes(b"notes of another system")
    (tmp_path / "b.png").mkdir()
    (tmp_path / "c.png").symlink_to(tmp_path / "nowhere.png")
    source = open_source(tmp_path)
    assert [int(frame.image_HW3[0, 0, 0]) for frame in source.frames() if frame.image_HW3 is not None] == [1, 2, 10]
    assert source.notes == ["b.png is a folder, not a picture", "c.png is a link to nothing, not a picture"]


def test_labels_belong_to_the_stored_pixels_and_a_bad_one_costs_itself_alone(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    exif = Picture.Exif()
    exif[0x0112] = 6  # viewers turn it by a quarter
    labels = Picture.fromarray(np.tile(np.array([0, 3], np.uint8), (40, 30)), "P")
    labels.putpalette([0] * 768)
    for number in range(2):
        Picture.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "images" / f"{number}.jpg", exif=exif)
    labels.save(tmp_path / "labels" / "0.png")
    (tmp_path / "labels" / "1.png").touch()
    source = open_source(tmp_path)
    turned, plain = list(source.frames(with_truth=True)), open_source(tmp_path / "images" / "0.jpg")
    assert [frame.image_HW3.shape for frame in turned] == [(40, 60, 3)] * 2
    np.testing.assert_array_equal(turned[0].truth.labels_HW[0, :4], [0, 3, 0, 3])
    assert turned[1].truth.labels_HW is None
    assert source.truth_unused.frames == {"labels_unreadable": 1}
    assert [frame.image_HW3.shape for frame in plain.frames()] == [(60, 40, 3)]  # without labels, as viewers show it


def test_bayer_pictures_are_compressed_as_grey_and_come_out_in_colour(tmp_path: Path) -> None:
    messages = Messages(ros1=False)
    mosaic = np.tile(np.array([[200, 0], [0, 0]], np.uint8), (8, 8))
    message = messages.compressed(cv2.imencode(".png", mosaic)[1].tobytes(), 1)
    message.format = "bayer_rggb8; png compressed bayer_rggb8"
    bag = write_rows(tmp_path / "bag", [("/camera/compressed", COMPRESSED, 1, message)], messages)
    (frame,) = open_source(bag).frames()
    np.testing.assert_array_equal(frame.image_HW3[8, 8], [200, 0, 0])
