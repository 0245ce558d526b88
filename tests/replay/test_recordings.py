"""What the command makes of recordings that are damaged, empty, foreign, or several at once."""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.bags import IMAGE, Messages, Shot, write_bag, write_rows
from tests.support.mcap import Kind, Logged, McapShape, write_mcap
from tests.support.metrics import read_metrics
from weather_perception.build_engine import recorded_frames
from weather_perception.replay.cli import main
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.output_bag import OutputBag

TOPIC = "/camera/image_raw"
MESSAGES = Messages(ros1=False)


def image(number: int, fields: dict | None = None) -> bytes:
    pixels = np.full((64, 64, 3), 20 * number, np.uint8)
    return MESSAGES.bytes_of(MESSAGES.image(pixels, 1_000_000_000 + number, "rgb8", **(fields or {})), IMAGE)


def rows(count: int = 8) -> list[Logged]:
    return [Logged(TOPIC, 1_000_000_000 + number * 100_000_000, image(number)) for number in range(count)]


def text(topic: str = "/words") -> tuple[str, str, int, object]:
    return (topic, "std_msgs/msg/String", 1, MESSAGES.store.types["std_msgs/msg/String"](data="hello"))


@pytest.fixture
def replay(tmp_path: Path, tiny_model: Path) -> Callable[..., int]:
    """Runs the command with the tiny model; results in out/."""

    def run(*recordings: object, options: tuple[str, ...] = ()) -> int:
        paths = [str(path) for path in recordings]
        return main([*paths, "--out", str(tmp_path / "out"), "--model", str(tiny_model), *options])

    return run


def test_a_cut_recording_gives_the_frames_before_the_cut_and_says_so(
    tmp_path: Path, replay: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_mcap(tmp_path / "whole.mcap", {TOPIC: Kind(IMAGE)}, rows(), McapShape(compression="")).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    assert replay(cut) == ExitCode.INCOMPLETE
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    assert camera["runs"][0]["counts"] == {"sent": 4, "answered": 4, "dropped": {}}
    assert camera["counts"]["damaged"]
    (note,) = camera["notes"]
    assert note.startswith("cut.mcap: cut off after ")
    assert note in capsys.readouterr().err
    assert "cut off after" in (tmp_path / "out" / "report.html").read_text()


def test_what_the_recording_promises_and_lacks_is_told(
    tmp_path: Path, replay: Callable[..., int], drive: list[Shot], capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", [Shot(shot.image, shot.stamp_ns) for shot in drive])
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 10", "message_count: 25"))
    assert replay(bag) == ExitCode.INCOMPLETE
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    assert camera["counts"]["recorded"] == 25
    told = "read 10 of the 25 frames that the recording says it has"
    assert camera["notes"] == [told]
    assert told in capsys.readouterr().err
    assert told in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("cut", [10, 0, -1])
def test_one_bad_message_costs_one_frame(tmp_path: Path, replay: Callable[..., int], cut: int) -> None:
    messages = rows()
    messages[4] = messages[4]._replace(data=messages[4].data[:cut])
    file = write_mcap(tmp_path / "bad.mcap", {TOPIC: Kind(IMAGE)}, messages)
    assert replay(file) == ExitCode.DONE
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    assert camera["runs"][0]["counts"] == {"sent": 8, "answered": 7, "dropped": {"undecodable": 1}}
    assert camera["frames"]["problem"].index("undecodable") == 4
    assert len(recorded_frames(file, None, 64)) == 7


def test_a_rotten_chunk_costs_its_own_frames(tmp_path: Path, replay: Callable[..., int]) -> None:
    file = write_mcap(tmp_path / "rotten.mcap", {TOPIC: Kind(IMAGE)}, rows())
    data = bytearray(file.read_bytes())
    middle = data.index(b"zstd", len(data) // 2 - 200) + 40
    data[middle : middle + 8] = bytes(255 - value for value in data[middle : middle + 8])
    file.write_bytes(data)
    assert replay(file) == ExitCode.INCOMPLETE
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    assert (camera["counts"]["recorded"], camera["counts"]["read"]) == (8, 6)
    assert any("is damaged" in note for note in camera["notes"])
    assert len(recorded_frames(file, None, 64)) == 6


def _none(path: Path) -> Path:
    return write_mcap(path / "empty.mcap", {TOPIC: Kind(IMAGE)}, [])


def _no_frames(path: Path) -> Path:
    return write_mcap(path / "no_frames.mcap", {TOPIC: Kind(IMAGE), "/x": Kind("a/msg/B")}, [Logged("/x", 1, b"")])


def _no_images(path: Path) -> Path:
    return write_rows(path / "no_images", [text()], MESSAGES)


def _foreign(path: Path) -> Path:
    kinds = {"/cam": Kind("foxglove.CompressedVideo", "protobuf", "protobuf")}
    return write_mcap(path / "foreign.mcap", kinds, [Logged("/cam", 1, b"\x08\x01")])


def _unreadable(path: Path) -> Path:
    (path / "broken.mcap").write_bytes(b"\x00" * 500)
    return path / "broken.mcap"


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (_none, ExitCode.EMPTY, "empty.mcap: the recording has no messages"),
        (
            _no_frames,
            ExitCode.EMPTY,
            "no_frames.mcap: no image topic that is a camera's:\n  /camera/image_raw: no messages",
        ),
        (_no_images, ExitCode.NO_IMAGES, "no sensor_msgs/Image or CompressedImage topic; its topics are: /words"),
        (_foreign, ExitCode.FOREIGN_TYPE, "types that replay does not read: /cam (foxglove.CompressedVideo, protobuf)"),
        (_unreadable, ExitCode.UNREADABLE, "broken.mcap: the file begins with zeros"),
    ],
)
def test_each_thing_that_can_be_wrong_has_its_message_and_its_exit_code(
    tmp_path: Path,
    replay: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    code: ExitCode,
    said: str,
) -> None:
    assert replay(make(tmp_path)) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_wrong_topic_names_those_that_are_there(
    tmp_path: Path, replay: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_mcap(tmp_path / "a.mcap", {TOPIC: Kind(IMAGE)}, rows(2))
    assert replay(file, options=("--topic", "/front")) == ExitCode.NO_SUCH_TOPIC
    assert f"its image topics are: {TOPIC} (2 frames)" in capsys.readouterr().err


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    tmp_path: Path,
    replay: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(OutputBag, "write", full)
    assert replay(write_mcap(tmp_path / "a.mcap", {TOPIC: Kind(IMAGE)}, rows(2))) == ExitCode.NO_SPACE
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_answer_at_all_is_no_success(
    tmp_path: Path, replay: Callable[..., int], drive: list[Shot], capsys: pytest.CaptureFixture[str]
) -> None:
    shots = [replace(Shot(shot.image, shot.stamp_ns), encoding="plaid") for shot in drive[:2]]
    assert replay(write_bag(tmp_path / "bag", shots)) == ExitCode.NOTHING_ANSWERED
    said = capsys.readouterr().err
    assert "no frame was answered" in said
    assert "2 of 2 frames unanswered, unknown_encoding: 'plaid' is not one of" in said


def test_several_recordings_and_cameras_make_one_report(
    tmp_path: Path, replay: Callable[..., int], drive: list[Shot], capsys: pytest.CaptureFixture[str]
) -> None:
    shots = [(topic, shot) for shot in drive[:2] for topic in ("/left/image_raw", "/right/image_raw")]
    two = write_rows(
        tmp_path / "two",
        [(topic, IMAGE, s.stamp_ns, MESSAGES.image(s.image, s.stamp_ns, "rgb8")) for topic, s in shots],
        MESSAGES,
    )
    one = write_bag(tmp_path / "one", [Shot(shot.image, shot.stamp_ns) for shot in drive[:3]])
    assert replay(two, one, options=("--stride", "1")) == ExitCode.DONE
    cameras = read_metrics(tmp_path / "out")["cameras"]
    assert [(camera["topic"], camera["runs"][0]["counts"]["answered"]) for camera in cameras] == [
        ("/left/image_raw", 2),
        ("/right/image_raw", 2),
        ("/camera/image_raw", 3),
    ]
    assert f"{two}: 2 cameras" in capsys.readouterr().err
