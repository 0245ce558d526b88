"""What a person opens the output bag for: the layout's topics, the frames themselves, and a bag that is small."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.bags import COMPRESSED, IMAGE, Messages, Shot, write_bag, write_rows
from weather_perception.replay.bagfiles.bag import Bag, decode
from weather_perception.replay.cli import main

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = Messages(ros1=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, drive: list[Shot]) -> Path:
    """A replay of a raw and a compressed camera, with the frames kept."""
    folder = tmp_path_factory.mktemp("kept")
    rows = []
    for shot in drive[:3]:
        png = cv2.imencode(".png", shot.image[:, :, ::-1])[1].tobytes()
        rows.append(("/left/image_raw", IMAGE, shot.stamp_ns, MESSAGES.image(shot.image, shot.stamp_ns, "rgb8")))
        rows.append(("/right/compressed", COMPRESSED, shot.stamp_ns + 1, MESSAGES.compressed(png, shot.stamp_ns + 1)))
    bag = write_rows(folder / "bag", rows, MESSAGES)
    arguments = [str(bag), "--out", str(folder / "out"), "--model", str(tiny_model), "--keep-original"]
    assert main(arguments) == 0
    return folder / "out" / "output_bag"


def test_frames_are_kept_as_they_were_recorded(out: Path, drive: list[Shot]) -> None:
    bag = Bag(out)
    raw = [decode(record) for record in bag.records(["/left/image_raw"])]
    np.testing.assert_array_equal(raw[2].data.reshape(drive[2].image.shape), drive[2].image)
    packed = [decode(record) for record in bag.records(["/right/compressed"])]
    assert [message.format for message in packed] == ["png"] * 3
    np.testing.assert_array_equal(cv2.imdecode(packed[1].data, cv2.IMREAD_COLOR)[:, :, ::-1], drive[1].image)


def test_the_overlay_shows_the_mask_in_the_colours_of_the_model(out: Path, drive: list[Shot]) -> None:
    bag = Bag(out)
    (message, *_) = (decode(record) for record in bag.records(["/left/restore_node/overlay/compressed"]))
    (mask, *_) = (decode(record) for record in bag.records(["/left/restore_node/semantic_mask"]))
    shown = cv2.imdecode(message.data, cv2.IMREAD_COLOR)[:, :, ::-1].astype(float)
    restored = np.minimum(drive[0].image * 1.1, 255)
    colours = np.array([(40, 40, 40), (220, 220, 220)])[mask.data.reshape(mask.height, mask.width)]
    assert np.abs(shown - (0.4 * restored + 0.6 * colours)).mean() < 3  # JPEG


def test_the_chunks_are_compressed(tmp_path: Path, tiny_model: Path, drive: list[Shot]) -> None:
    flat = [replace(Shot(shot.image, shot.stamp_ns), image=np.full((256, 256, 3), 90, np.uint8)) for shot in drive[:6]]
    bag = write_bag(tmp_path / "bag", flat)
    assert main([str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model)]) == 0
    (file,) = (tmp_path / "out" / "output_bag").glob("*.mcap")
    assert file.stat().st_size < 6 * 256 * 256 * 5 / 10


def test_every_topic_of_the_shipped_layout_is_written(tmp_path: Path, tiny_model: Path, drive: list[Shot]) -> None:
    layout = json.loads((ROOT / "config" / "foxglove.json").read_text())
    text = json.dumps(layout["configById"])
    wanted = set(re.findall(r'"(?:imageTopic|value)": "(/[\w/]+)', text))
    bag = write_bag(tmp_path / "bag", [Shot(drive[0].image, drive[0].stamp_ns)])
    arguments = [str(bag), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--keep-original"]
    assert main(arguments) == 0
    assert wanted == set(Bag(tmp_path / "out" / "output_bag").topics) - {
        "/restore_node/semantic_mask",
        "/restore_node/semantic_confidence",
    }
    panels = set(re.findall(r'"(\w+!\w+)"', json.dumps(layout["layout"])))
    assert panels == set(layout["configById"])
