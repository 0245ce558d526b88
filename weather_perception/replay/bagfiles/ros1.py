"""Reads ROS 1 bags by walking their records, so that one without an index (`.bag.active`) is read as well.

The format: http://wiki.ros.org/Bags/Format/2.0.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from weather_perception.replay.bagfiles.base import BagFileError, Block, Channel
from weather_perception.replay.bagfiles.chunks import ChunkedFile, Message, Place

MAGIC = b"#ROSBAG V"
VERSION = b"#ROSBAG V2.0\n"
MESSAGE, HEADER, INDEX, CHUNK, CHUNK_INFO, CONNECTION = 2, 3, 4, 5, 6, 7
LENGTH = struct.Struct("<I")
Fields = dict[str, bytes]


class Ros1File(ChunkedFile):
    """A ROS 1 bag, walked once on opening."""

    def __init__(self, path: Path) -> None:
        """Raises BagFileError if it is no bag of version 2.0, or encrypted."""
        super().__init__(path)
        self._promised: Counter[int] = Counter()
        self._indexed = False
        with path.open("rb") as file:
            if file.read(len(VERSION)) != VERSION:
                raise BagFileError(f"{path}: not a ROS 1 bag of version 2.0; convert it with `rosbag fix`")
            cut = self._walk(file, path.stat().st_size)
            self._look_inside(file)
        if self._indexed and not cut:
            self.promised = dict(
                sum((Counter({self.channels[key].topic: n}) for key, n in self._promised.items()), Counter())
            )
        else:
            why = f"cut off after {cut:,} of {path.stat().st_size:,} bytes" if cut else "not indexed"
            self.notes.append(f"{path.name}: {why}; what is there was read (`rosbag reindex` makes it whole)")

    def _walk(self, file: BinaryIO, size: int) -> int:
        """Find connections and chunks; returns the byte at which the file was cut, 0 if it was not."""
        while (offset := file.tell()) < size:
            try:
                fields, length = _fields(file.read(_length(file))), _length(file)
            except (struct.error, BagFileError):
                return offset
            kind, start = fields["op"][0], file.tell()
            if kind == CHUNK:
                there = min(length, size - start)
                place = Place(start, there, fields["compression"].decode(), partial=there < length)
                self.blocks.append(Block(0, 0, {}, place))
            if start + length > size:
                return offset
            if kind in (HEADER, INDEX, CHUNK_INFO, CONNECTION):
                self._understand(kind, fields, file.read(length))
            file.seek(start + length)
        return 0

    def _understand(self, kind: int, fields: Fields, data: bytes) -> None:
        if kind == HEADER:
            if fields.get("encryptor"):
                raise BagFileError(f"{self.path}: the bag is encrypted; decrypt it with `rosbag decrypt`")
            self._indexed = any(fields["index_pos"])
        elif kind == CONNECTION:
            self._add_connection(fields, data)
        elif kind == CHUNK_INFO:
            for key, count in struct.iter_unpack("<II", data):
                self._promised[key] += count
        elif self.blocks:
            times = np.frombuffer(data, "<u4").reshape(-1, 3)[:, :2].astype(np.int64) @ [1_000_000_000, 1]
            start, end, counts, place = self.blocks[-1]
            if len(times):
                first, last = int(times.min()), int(times.max())
                span = (min(start, first), max(end, last)) if counts else (first, last)
                key = LENGTH.unpack(fields["conn"])[0]
                self.blocks[-1] = Block(*span, {**counts, key: len(times)}, place)

    def _add_connection(self, fields: Fields, data: bytes) -> None:
        about = _fields(data)
        msgtype = about["type"].decode().replace("/", "/msg/")
        topic = "/" + "/".join(part for part in fields["topic"].decode(errors="replace").split("/") if part)
        self.channels.setdefault(LENGTH.unpack(fields["conn"])[0], Channel(topic, msgtype, "ros1"))

    def _learn_channels(self, data: bytes) -> None:
        for fields, start, end in _records(data):
            if fields["op"][0] == CONNECTION:
                self._add_connection(fields, data[start:end])

    def _messages(self, data: bytes) -> Iterator[Message]:
        for fields, start, end in _records(data):
            if fields["op"][0] == MESSAGE:
                seconds, nanoseconds = struct.unpack("<II", fields["time"])
                time_ns = seconds * 1_000_000_000 + nanoseconds
                yield Message(LENGTH.unpack(fields["conn"])[0], time_ns, start, end)


def _length(file: BinaryIO) -> int:
    return int(LENGTH.unpack(file.read(4))[0])


def _fields(data: bytes) -> Fields:
    """The fields of a record's header. Raises BagFileError if it is none."""
    fields, position = {}, 0
    while position < len(data):
        (length,) = LENGTH.unpack_from(data, position)
        name, equals, value = data[position + 4 : position + 4 + length].partition(b"=")
        if not equals:
            raise BagFileError("no record")
        fields[name.decode(errors="replace")] = value
        position += 4 + length
    if not fields:
        raise BagFileError("no record")
    return fields


def _records(data: bytes) -> Iterator[tuple[Fields, int, int]]:
    """(fields, start, end) of the whole records in a chunk."""
    position = 0
    while position < len(data):
        try:
            (head,) = LENGTH.unpack_from(data, position)
            fields = _fields(data[position + 4 : position + 4 + head])
            (length,) = LENGTH.unpack_from(data, position + 4 + head)
        except (struct.error, BagFileError):
            return
        start = position + 8 + head
        position = start + length
        if position > len(data) or "op" not in fields:
            return
        yield fields, start, position
