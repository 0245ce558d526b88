"""Scores are over the right frames: each truth finds its own frame, and truth that cannot be used is counted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.bags import DIAGNOSTICS, IMAGE, Messages, Shot, write_bag, write_rows
from tests.support.metrics import figures_in, read_metrics
from weather_perception.replay.cli import main
from weather_perception.replay.frames import Frame, Source
from weather_perception.replay.sources import open_source

Row = tuple[str, str, int, Any]
TEXT = "std_msgs/msg/String"


def read(path: Path) -> tuple[list[Frame], Source]:
    source = open_source(path)
    return list(source.frames(with_truth=True)), source


def rows_of(shot: Shot, messages: Messages, stamp: int, recorded: int) -> list[Row]:
    """A frame with its clear image and labels under one stamp, recorded at one time."""
    return [
        ("/camera/image_raw", IMAGE, recorded, messages.image(shot.image, stamp, "rgb8")),
        ("/ground_truth/image", IMAGE, recorded, messages.image(shot.clear, stamp, "rgb8")),
        ("/ground_truth/labels", IMAGE, recorded, messages.image(shot.labels, stamp, "mono8")),
    ]


@pytest.mark.parametrize(
    "stamp_of",
    [
        pytest.param(lambda index: 1_000_000_000 * (1 + index // 5), id="each stamp five times over"),
        pytest.param(lambda index: 10**13 + 10**8 * index - (3600 * 10**9 if index >= 5 else 0), id="a step back"),
        pytest.param(lambda index: 0, id="never set"),
    ],
)
def test_every_frame_is_answered_and_scored_against_its_own_truth(
    tmp_path: Path, drive: list[Shot], tiny_model: Path, stamp_of: Callable[[int], int]
) -> None:
    messages = Messages(ros1=False)
    recorded = [5_000_000_000 + index * 50_000_000 for index in range(len(drive))]
    rows = [row for i, shot in enumerate(drive) for row in rows_of(shot, messages, stamp_of(i), recorded[i])]
    bag = write_rows(tmp_path / "bag", rows, messages)
    frames, source = read(bag)
    for frame, shot in zip(frames, drive, strict=True):
        np.testing.assert_array_equal(frame.truth.image_HW3, shot.clear)
        np.testing.assert_array_equal(frame.truth.labels_HW, shot.labels)
    assert not source.truth_unused.frames
    assert main([str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model)]) == 0
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    columns, figures = camera["runs"][0]["frames"], figures_in(tmp_path / "out")
    assert (figures["frames_received"], figures["weathers"]["unknown"]["frames"]) == (10, 10)
    assert columns["psnr_input"][:5] == [100] * 5  # the clear half of the drive
    gains = np.subtract(columns["psnr_restored"][5:], columns["psnr_input"][5:])
    assert (gains > 3).all()


def test_label_images_of_every_encoding_are_read(tmp_path: Path, drive: list[Shot]) -> None:
    messages, rows = Messages(ros1=False), []
    for index, (encoding, kind) in enumerate([("8UC1", "u1"), ("mono16", "<u2"), ("16UC1", "<u2"), ("mono8", "u1")]):
        shot = drive[index]
        ids = shot.labels.astype(kind)
        ids[0, :2] = np.iinfo(ids.dtype).max  # no class: void
        labels = messages.image(ids.view(np.uint8).reshape(len(ids), -1), shot.stamp_ns, encoding, width=96)
        rows.append(("/camera/image_raw", IMAGE, shot.stamp_ns, messages.image(shot.image, shot.stamp_ns, "rgb8")))
        rows.append(("/ground_truth/labels", IMAGE, shot.stamp_ns, labels))
    frames, source = read(write_rows(tmp_path / "bag", rows, messages))
    assert not source.truth_unused.frames
    for frame, shot in zip(frames, drive[:4], strict=True):
        np.testing.assert_array_equal(frame.truth.labels_HW, shot.labels)


def test_truth_that_cannot_be_used_is_counted_and_shown_by_reason(
    tmp_path: Path, drive: list[Shot], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages, rows = Messages(ros1=False), []
    for index, shot in enumerate(drive[:4]):
        small = shot.labels[::2, ::2]
        stamp = shot.stamp_ns if index else shot.stamp_ns + 1
        rows += [
            ("/camera/image_raw", IMAGE, shot.stamp_ns, messages.image(shot.image, shot.stamp_ns, "rgb8")),
            ("/ground_truth/labels", IMAGE, shot.stamp_ns, messages.image(small, stamp, "mono8")),
            ("/ground_truth/image", DIAGNOSTICS, shot.stamp_ns, messages.weather("fog", shot.stamp_ns)),
        ]
    bag = write_rows(tmp_path / "bag", rows, messages)
    assert main([str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model)]) == 0
    truth = read_metrics(tmp_path / "out")["cameras"][0]["truth"]
    assert truth["frames"] == {}
    counts = {reason: item["frames"] for reason, item in truth["unused"].items()}
    assert counts == {"labels_wrong_size": 3, "no_frame": 1, "wrong_type": 4}
    said = capsys.readouterr().out
    assert "no ground truth that can be used" in said
    assert "labels_wrong_size 3" in said
    assert "48x32, the frame is 96x64" in said
    assert f"/ground_truth/image is of type {DIAGNOSTICS}" in said


def test_the_weather_may_come_as_text_and_in_any_case(tmp_path: Path, drive: list[Shot], tiny_model: Path) -> None:
    messages, rows = Messages(ros1=False), []
    for shot in drive:
        rows.append(("/camera/image_raw", IMAGE, shot.stamp_ns, messages.image(shot.image, shot.stamp_ns, "rgb8")))
        rows.append(("/ground_truth/weather", TEXT, shot.stamp_ns, messages.store.types[TEXT](data="Fog ")))
    bag = write_rows(tmp_path / "bag", rows, messages)
    assert main([str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model)]) == 0
    figures = figures_in(tmp_path / "out")
    assert figures["weather_accuracy"] == 1
    assert list(figures["weathers"]) == ["fog"]


def test_label_files_named_like_no_picture_are_counted(tmp_path: Path) -> None:
    for folder, names in {"images": ("a.png", "b.png"), "labels": ("a.png", "b_labelIds.png")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / folder / name), np.zeros((64, 64), np.uint8))
    frames, source = read(tmp_path)
    assert [frame.truth.labels_HW is None for frame in frames] == [False, True]
    assert source.truth_unused.frames == {"no_frame": 1}
    assert "b_labelIds.png" in source.truth_unused.examples["no_frame"]


def test_a_class_that_the_model_lacks_stops_the_run_before_the_work(
    tmp_path: Path, drive: list[Shot], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", drive[:1])
    arguments = [str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--label-names"]
    assert main([*arguments, "bright,lamp"]) == 1
    assert "lamp: not among the model's classes, which are dark, bright" in capsys.readouterr().err
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert main([*arguments, "DARK,void"]) == 0
    assert set(figures_in(tmp_path / "out")["weathers"]["clear"]["iou_refined"]) == {"dark", "bright"}


def test_truth_for_some_frames_only_stays_with_them(tmp_path: Path, drive: list[Shot]) -> None:
    """More frames without truth than a stream holds back, then truth again."""
    many = [replace(drive[0], stamp_ns=10**9 + index, clear=None, labels=None, weather=None) for index in range(40)]
    many[3] = replace(many[3], clear=drive[0].clear)
    many[39] = replace(many[39], clear=drive[0].clear)
    frames, source = read(write_bag(tmp_path / "bag", many))
    assert [i for i, frame in enumerate(frames) if frame.truth.image_HW3 is not None] == [3, 39]
    assert not source.truth_unused.frames
