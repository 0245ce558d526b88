"""A bag gives every message that is there, whatever its index, its metadata and the files beside it say."""

import re
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2

from tests.support.bags import IMAGE, Messages
from tests.support.mcap import Kind, Logged, McapShape, write_mcap
from weather_perception.replay.bagfiles.bag import Bag, decode
from weather_perception.replay.bagfiles.base import BagFileError

TOPIC = "/camera/image_raw"
KINDS = {TOPIC: Kind(IMAGE)}
TIMES = [1_000 + 10 * number for number in range(6)]
RELIABLE = Qos(
    QosHistory.KEEP_LAST, 5, QosReliability.RELIABLE, QosDurability.VOLATILE, QosTime(0, 0), QosTime(0, 0),
    QosLiveliness.AUTOMATIC, QosTime(0, 0), False,
)  # fmt: skip
MESSAGES = {ros1: Messages(ros1) for ros1 in (False, True)}


def image(number: int, ros1: bool = False) -> bytes:
    """A serialized image whose pixels all have the value `number`."""
    pixels = np.full((8, 8, 3), number, np.uint8)
    messages = MESSAGES[ros1]
    return messages.bytes_of(messages.image(pixels, 1_000_000_000 + number, "rgb8"), IMAGE)


def logged(numbers: list[int] | range = range(6)) -> list[Logged]:
    return [Logged(TOPIC, TIMES[number], image(number)) for number in numbers]


def read(path: Path) -> tuple[list[int], Bag]:
    """The pixel value of every image, in the order in which the bag gives them."""
    bag = Bag(path)
    return [int(decode(record).data[0]) for record in bag.records([TOPIC])], bag


def write_rosbag2(
    path: Path, plugin: str, numbers: range = range(6), qos: tuple[Qos, ...] = (), mode: str = "NONE"
) -> Path:
    writer = Writer2(path, version=8, storage_plugin=StoragePlugin[plugin])
    writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=MESSAGES[False].store, offered_qos_profiles=qos)
        for number in numbers:
            writer.write(connection, TIMES[number], image(number))
    return path


def file_in(folder: Path) -> Path:
    (file,) = (path for path in folder.iterdir() if path.name != "metadata.yaml")
    return file


@pytest.mark.parametrize("plugin", ["MCAP", "SQLITE3"])
def test_qos_that_differs_between_metadata_and_data_hides_nothing(tmp_path: Path, plugin: str) -> None:
    folder = write_rosbag2(tmp_path / "bag", plugin, qos=(RELIABLE,))
    metadata = folder / "metadata.yaml"
    changed = re.sub(r"depth: 5|depth: \d+", "depth: 7", metadata.read_text())
    assert changed != metadata.read_text()
    metadata.write_text(changed)
    values, bag = read(folder)
    assert values == [0, 1, 2, 3, 4, 5]
    assert (bag.topics[TOPIC].there, bag.topics[TOPIC].promised, bag.notes) == (6, 6, [])


@pytest.mark.parametrize("plugin", ["MCAP", "SQLITE3"])
@pytest.mark.parametrize("metadata", [None, "", "rosbag2_bagfile_information:\n  version: [", "other: 1\n"])
def test_a_split_bag_is_whole_with_another_qos_and_without_metadata(
    tmp_path: Path, plugin: str, metadata: str | None
) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    parts = ((range(3), ()), (range(3, 6), (RELIABLE,)))
    for number, (numbers, qos) in enumerate(parts):
        file = file_in(write_rosbag2(tmp_path / f"part_{number}", plugin, numbers, qos))
        file.rename(folder / f"bag_{number}{file.suffix}")
    if metadata is not None:
        (folder / "metadata.yaml").write_text(metadata)
    values, bag = read(folder)
    assert values == [0, 1, 2, 3, 4, 5]
    assert any("metadata.yaml is empty or broken" in note for note in bag.notes) == (metadata is not None)


def test_a_file_that_metadata_names_and_that_is_missing_is_told(tmp_path: Path) -> None:
    folder = write_rosbag2(tmp_path / "bag", "MCAP")
    metadata = folder / "metadata.yaml"
    metadata.write_text(
        metadata.read_text()
        .replace("relative_file_paths:", "relative_file_paths:\n  - bag_1.mcap")
        .replace("message_count: 6", "message_count: 12")
    )
    values, bag = read(folder)
    assert values == [0, 1, 2, 3, 4, 5]
    assert (bag.topics[TOPIC].there, bag.topics[TOPIC].promised) == (6, 12)
    assert bag.notes == ["metadata.yaml names files that are not there: bag_1.mcap"]


def test_messages_in_the_journal_of_an_unclean_stop_are_read(tmp_path: Path) -> None:
    file = file_in(write_rosbag2(tmp_path / "bag", "SQLITE3", range(3)))
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode=WAL")
    database.executemany(
        "INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)",
        [(TIMES[number], image(number)) for number in range(3, 6)],
    )
    database.commit()
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for name in (file.name, f"{file.name}-wal"):  # as they lie on the disk while the recorder still runs
        (stopped / name).write_bytes((file.parent / name).read_bytes())
    database.close()
    assert read(stopped)[0] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("mode", ["MESSAGE", "FILE"])
@pytest.mark.parametrize("plugin", ["MCAP", "SQLITE3"])
@pytest.mark.parametrize("alone", [False, True])
def test_compressed_bags_are_read_with_and_without_their_folder(
    tmp_path: Path, mode: str, plugin: str, alone: bool
) -> None:
    folder = write_rosbag2(tmp_path / "bag", plugin, mode=mode)
    file = file_in(folder)
    assert read(file.rename(tmp_path / file.name) if alone else folder)[0] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("compression", ["", "zstd", "lz4"])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"summary": False},
        {"index": False, "summary": False},
        {"chunk": 0},
        {"chunk": 0, "summary": False},
        {"profile": ""},
    ],
)
def test_mcap_of_every_layout_gives_messages_in_the_order_of_time(
    tmp_path: Path, compression: str, shape: dict
) -> None:
    file = write_mcap(
        tmp_path / "X.MCAP", KINDS, logged([1, 0, 3, 5, 4, 2]), McapShape(compression=compression, **shape)
    )
    values, bag = read(file)
    assert values == [0, 1, 2, 3, 4, 5]
    assert bag.topics[TOPIC].there == 6
    assert bag.notes == []


@pytest.mark.parametrize("compression", ["", "zstd", "lz4"])
def test_a_rotten_chunk_costs_its_own_messages_and_is_told(tmp_path: Path, compression: str) -> None:
    values, bag = read(_rotten(tmp_path, McapShape(compression=compression)))
    assert values == [0, 1, 4, 5]
    assert bag.topics[TOPIC].promised == 6
    (note,) = bag.notes
    assert re.search(r"rotten.mcap: the chunk at byte \d+ is damaged: .*it held 2 of the messages to be read", note)


@pytest.mark.parametrize("summary", [True, False])
def test_a_rotten_chunk_without_an_index_is_told_too(tmp_path: Path, summary: bool) -> None:
    values, bag = read(_rotten(tmp_path, McapShape(index=False, summary=summary)))
    assert values == [0, 1, 4, 5]
    assert bag.damaged
    (note,) = bag.notes
    assert re.search(r"rotten.mcap: the chunk at byte \d+ is damaged: .*how many messages it held is unknown", note)


def _rotten(folder: Path, shape: McapShape) -> Path:
    """A file of three chunks, of which the second is damaged."""
    data = bytearray(write_mcap(folder / "good.mcap", KINDS, logged(), shape).read_bytes())
    _, second = _chunk(data, 1)
    middle = second + 80
    data[middle : middle + 20] = bytes(255 - value for value in data[middle : middle + 20])
    rotten = folder / "rotten.mcap"
    rotten.write_bytes(data)
    return rotten


def _chunk(data: bytes | bytearray, wanted: int) -> tuple[int, int]:
    """(start, start of the content) of the chunk with this number."""
    position, found = 8, 0
    while True:
        kind, length = struct.unpack_from("<BQ", data, position)
        if kind == 6 and found == wanted:
            return position, position + 9
        found += kind == 6
        position += 9 + length


@pytest.mark.parametrize("shape", [{}, {"chunk": 0}, {"index": False}, {"compression": ""}, {"compression": "lz4"}])
def test_what_is_before_the_cut_is_read_and_the_cut_is_told(tmp_path: Path, shape: dict) -> None:
    whole = write_mcap(tmp_path / "whole.mcap", KINDS, logged(), McapShape(**shape)).read_bytes()
    start, _ = _chunk(whole, 2) if "chunk" not in shape else (len(whole) * 2 // 3, 0)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: start + 5])
    values, bag = read(cut)
    assert values[:3] == [0, 1, 2]
    assert len(values) < 6
    (note,) = bag.notes
    assert re.match(r"cut.mcap: cut off after [\d,]+ of [\d,]+ bytes; .*mcap recover", note)
    assert bag.topics[TOPIC].promised is None


@pytest.mark.parametrize("compression", ["", "zstd", "lz4"])
def test_a_file_cut_within_its_only_chunk_gives_the_messages_before_the_cut(tmp_path: Path, compression: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 200, 200, 3), np.uint8)
    messages = MESSAGES[False]
    rows = [
        Logged(TOPIC, TIMES[number], messages.bytes_of(messages.image(pixels, number, "rgb8"), IMAGE))
        for number, pixels in enumerate(noise)
    ]
    whole = write_mcap(tmp_path / "a.mcap", KINDS, rows, McapShape(chunk=6, compression=compression)).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: len(whole) // 2])
    values = [decode(record).data for record in Bag(cut).records([TOPIC])]
    assert 2 <= len(values) <= 3
    np.testing.assert_array_equal(values[1], noise[1].reshape(-1))


def test_the_last_file_of_a_split_may_be_cut(tmp_path: Path) -> None:
    write_mcap(tmp_path / "drive_0.mcap", KINDS, logged(range(3)))
    last = write_mcap(tmp_path / "drive_1.mcap", KINDS, logged(range(3, 6)), McapShape(chunk=1))
    last.write_bytes(last.read_bytes()[: _chunk(last.read_bytes(), 2)[0] + 3])
    values, bag = read(tmp_path)
    assert values == [0, 1, 2, 3, 4]
    assert [note.partition(":")[0] for note in bag.notes] == ["drive_1.mcap"]


def test_a_cut_sqlite_file_gives_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    with Writer2(folder, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=MESSAGES[False].store)
        messages = MESSAGES[False]
        for number in range(40):
            pixels = np.full((60, 60, 3), number, np.uint8)
            writer.write(connection, 1000 + number, messages.bytes_of(messages.image(pixels, number, "rgb8"), IMAGE))
    file = file_in(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    values, bag = read(folder)
    assert values == list(range(len(values)))
    assert 15 <= len(values) < 40
    assert bag.topics[TOPIC].promised == 40
    assert any("damaged or cut off" in note for note in bag.notes)


def test_topics_of_other_kinds_beside_the_camera_are_no_obstacle(tmp_path: Path) -> None:
    kinds = {
        "/pose": Kind("foxglove.PoseInFrame", "protobuf", "protobuf", "\x00binary"),
        "/state": Kind("State", "jsonschema", "json", "{"),
        **KINDS,
        "/own": Kind("own_msgs/msg/Thing", definition="no_such/Type field"),
    }
    rows = [Logged("/pose", 1, b"\x08\x01"), Logged("/state", 2, b"{}"), *logged(), Logged("/own", 3, b"")]
    values, bag = read(write_mcap(tmp_path / "mixed.mcap", kinds, rows))
    assert values == [0, 1, 2, 3, 4, 5]
    assert bag.topics["/pose"].encoding == "protobuf"


@pytest.mark.parametrize("name", ["a#b", "what?", "50%20off", "naïve", "a b"])
@pytest.mark.parametrize("plugin", ["MCAP", "SQLITE3"])
def test_odd_names_of_folders_are_no_obstacle(tmp_path: Path, name: str, plugin: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    file = file_in(write_rosbag2(tmp_path / "plain", plugin))
    file.rename(folder / f"{name}{file.suffix}")
    assert read(folder)[0] == [0, 1, 2, 3, 4, 5]


def write_ros1(path: Path, numbers: range = range(6), compression: str | None = None) -> Path:
    writer = Writer1(path)
    if compression:
        writer.set_compression(Writer1.CompressionFormat[compression])
    writer.chunk_threshold = 300  # two messages
    with writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=MESSAGES[True].store)
        for number in numbers:
            writer.write(connection, TIMES[number], image(number, ros1=True))
    return path


@pytest.mark.parametrize("compression", [None, "BZ2", "LZ4"])
def test_split_ros1_bags_in_a_folder_are_one_recording(tmp_path: Path, compression: str | None) -> None:
    write_ros1(tmp_path / "a_0.bag", range(3), compression)
    write_ros1(tmp_path / "a_1.bag", range(3, 6), compression)
    values, bag = read(tmp_path)
    assert values == [0, 1, 2, 3, 4, 5]
    assert (bag.topics[TOPIC].promised, bag.notes) == (6, [])


def _unindexed(data: bytes) -> bytes:
    place = data.index(b"index_pos=") + len(b"index_pos=")
    return data[:place] + bytes(8) + data[place + 8 :]


def _without_end(data: bytes) -> bytes:
    return _unindexed(data)[: len(data) - 500]


@pytest.mark.parametrize(("damage", "least", "why"), [(_unindexed, 6, "not indexed"), (_without_end, 4, "")])
@pytest.mark.parametrize("name", ["drive.bag", "drive.bag.active"])
def test_a_ros1_bag_that_was_not_closed_is_read(
    tmp_path: Path, damage: Callable[[bytes], bytes], least: int, why: str, name: str
) -> None:
    data = write_ros1(tmp_path / "whole.bag").read_bytes()
    path = tmp_path / name
    path.write_bytes(damage(data))
    values, bag = read(path)
    assert values == list(range(len(values)))
    assert len(values) >= least
    (note,) = bag.notes
    assert why in note
    assert "rosbag reindex" in note


def test_a_chunk_without_a_whole_message_does_not_move_the_start(tmp_path: Path) -> None:
    data = _unindexed(write_ros1(tmp_path / "whole.bag").read_bytes())
    last_chunk = [found.start() for found in re.finditer(b"compression=", data)][2]
    path = tmp_path / "drive.bag.active"
    path.write_bytes(data[: last_chunk + 150])
    values, bag = read(path)
    assert values == [0, 1, 2]
    assert (bag.start_ns, bag.end_ns) == (TIMES[0], TIMES[2])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (bytes(100), "begins with zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
        (b"not an MCAP file", "not a bag"),
        (b"#ROSBAG V1.2\n", "rosbag fix"),
    ],
)
def test_a_file_that_is_no_bag_says_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "drive.mcap"
    path.write_bytes(content)
    with pytest.raises(BagFileError, match=rf"drive\.mcap: .*{said}"):
        Bag(path)
