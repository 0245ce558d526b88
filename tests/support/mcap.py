"""Writes MCAP files of every layout that recorders leave: chunks, index and summary or none, any topics beside."""

import struct
from binascii import crc32
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import lz4.frame
from rosbags.rosbag2.reader import zstd

MAGIC = b"\x89MCAP0\r\n"
COMPRESSORS = {"": bytes, "zstd": zstd.compress, "lz4": lz4.frame.compress}


class Logged(NamedTuple):
    """A message: its topic, its time of recording and its bytes."""

    topic: str
    time_ns: int
    data: bytes


class Kind(NamedTuple):
    """What a topic holds."""

    msgtype: str
    schema_encoding: str = "ros2msg"
    message_encoding: str = "cdr"
    definition: str = ""


@dataclass
class McapShape:
    """How the file is laid out. `chunk`: messages in a chunk, 0 for none."""

    chunk: int = 2
    compression: str = "zstd"
    index: bool = True
    summary: bool = True
    profile: str = "ros2"


def write_mcap(path: Path, kinds: dict[str, Kind], messages: Sequence[Logged], shape: McapShape | None = None) -> Path:
    """Write the messages in the given order."""
    shape = shape or McapShape()
    out = BytesIO()
    out.write(MAGIC + _record(1, _string(shape.profile) + _string("tests")))
    about = _about(kinds)
    keys = {topic: number + 1 for number, topic in enumerate(kinds)}
    if shape.chunk:
        groups = [messages[start : start + shape.chunk] for start in range(0, len(messages), shape.chunk)]
        for number, group in enumerate(groups):
            _write_chunk(out, b"" if number else about, group, keys, shape)
    else:
        out.write(about + b"".join(_message(message, keys) for message in messages))
    out.write(_record(15, struct.pack("<I", 0)))
    summary = out.tell() if shape.summary else 0
    if shape.summary:
        out.write(about + _statistics(messages, keys))
    out.write(_record(2, struct.pack("<QQI", summary, 0, 0)) + MAGIC)
    path.write_bytes(out.getvalue())
    return path


def _about(kinds: dict[str, Kind]) -> bytes:
    data = b""
    for number, (topic, kind) in enumerate(kinds.items(), 1):
        schema = struct.pack("<H", number) + _string(kind.msgtype) + _string(kind.schema_encoding)
        data += _record(3, schema + _string(kind.definition))
        data += _record(
            4, struct.pack("<HH", number, number) + _string(topic) + _string(kind.message_encoding) + _string("")
        )
    return data


def _write_chunk(out: BytesIO, head: bytes, group: Sequence[Logged], keys: dict[str, int], shape: McapShape) -> None:
    inside = head + b"".join(_message(message, keys) for message in group)
    packed = COMPRESSORS[shape.compression](inside)
    times = [message.time_ns for message in group]
    data = struct.pack("<QQQI", min(times), max(times), len(inside), crc32(inside))
    out.write(_record(6, data + _string(shape.compression) + struct.pack("<Q", len(packed)) + packed))
    for topic in dict.fromkeys(message.topic for message in group) if shape.index else ():
        entries = b"".join(struct.pack("<QQ", message.time_ns, 0) for message in group if message.topic == topic)
        out.write(_record(7, struct.pack("<HI", keys[topic], len(entries)) + entries))


def _message(message: Logged, keys: dict[str, int]) -> bytes:
    return _record(5, struct.pack("<HIQQ", keys[message.topic], 0, message.time_ns, message.time_ns) + message.data)


def _statistics(messages: Sequence[Logged], keys: dict[str, int]) -> bytes:
    counts = Counter(keys[message.topic] for message in messages)
    rows = b"".join(struct.pack("<HQ", key, count) for key, count in counts.items())
    return _record(
        11,
        struct.pack("<QHIIIIQQ", len(messages), len(keys), len(keys), 0, 0, 0, 0, 0)
        + struct.pack("<I", len(rows))
        + rows,
    )


def _string(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<BQ", kind, len(data)) + data
