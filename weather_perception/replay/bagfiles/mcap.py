"""Reads MCAP files by walking their records, so that a missing, cut or wrong index costs no message.

The format: https://mcap.dev/spec. A walk reads the head of every record and skips the rest, so it is fast, and it ends
at the first byte that is no record, where a power loss or a full disk cut the file.
"""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from weather_perception.replay.bagfiles.base import BagFileError, Block, Channel
from weather_perception.replay.bagfiles.chunks import ChunkedFile, Message, Place

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, INDEX, STATISTICS = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0B
HEAD = struct.Struct("<BQ")
MESSAGE_HEAD = struct.Struct("<HIQQ")
CHUNK_HEAD = struct.Struct("<QQQI")
RUN_BYTES = 1 << 22
"""Messages outside chunks are read in runs of about this many bytes."""


class McapFile(ChunkedFile):
    """An MCAP file, walked once on opening."""

    def __init__(self, path: Path) -> None:
        """Raises BagFileError if it is no MCAP file."""
        super().__init__(path)
        self._schemas: dict[int, tuple[str, str]] = {}
        self._statistics: Mapping[int, int] | None = None
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BagFileError(f"{path}: not an MCAP file")
            self._walk(file, path.stat().st_size)
            self._look_inside(file)
        self.promised = self._by_topic(self._statistics)

    def _by_topic(self, statistics: Mapping[int, int] | None) -> dict[str, int] | None:
        if statistics is None:
            return None
        counts: Counter[str] = Counter()
        for key, count in statistics.items():
            if key in self.channels:
                counts[self.channels[key].topic] += count
        return dict(counts)

    def _walk(self, file: BinaryIO, size: int) -> None:
        """Find schemas, channels, chunks and messages outside chunks; note where the file was cut."""
        run = _Run()
        while len(head := file.read(HEAD.size)) == HEAD.size:
            kind, length = HEAD.unpack(head)
            offset = file.tell()
            whole = offset + length <= size
            if not kind or not (whole or kind == CHUNK):
                break
            if kind == MESSAGE:
                channel, _, log_ns, _ = MESSAGE_HEAD.unpack(file.read(MESSAGE_HEAD.size))
                run.add(offset - HEAD.size, offset + length, channel, log_ns)
            if kind != MESSAGE or run.length > RUN_BYTES:
                self.blocks += run.blocks()
            if kind == CHUNK:
                self._add_chunk(file, offset, length, size)
            elif kind == INDEX and self.blocks:
                channel, entries = struct.unpack("<HI", file.read(6))
                self.blocks[-1].counts[channel] = entries // 16  # type: ignore[index]
            elif kind in (SCHEMA, CHANNEL, STATISTICS):
                self._understand(kind, file.read(length))
            elif kind == FOOTER:
                return
            if not whole:
                break
            file.seek(offset + length)
        self.blocks += run.blocks()
        cut = file.tell() if len(head) < HEAD.size else file.tell() - HEAD.size
        self.notes.append(
            f"{self.path.name}: cut off after {min(cut, size):,} of {size:,} bytes; what is there was read"
            " (`mcap recover` writes a whole file of it)"
        )

    def _add_chunk(self, file: BinaryIO, offset: int, length: int, size: int) -> None:
        head = file.read(CHUNK_HEAD.size)
        with suppress(struct.error):  # cut within the head
            start, end, full, crc = CHUNK_HEAD.unpack(head)
            name = file.read(*struct.unpack("<I", file.read(4))).decode(errors="replace")
            (stored,) = struct.unpack("<Q", file.read(8))
            there = min(stored, size - file.tell())
            place = Place(file.tell(), there, name, full, crc, there < stored)
            self.blocks.append(Block(start, end, {}, place))

    def _understand(self, kind: int, data: bytes) -> None:
        """Read a schema, a channel, or the statistics, which say how many messages there are."""
        with suppress(struct.error):
            if kind == SCHEMA:
                (key,), rest = struct.unpack_from("<H", data), data[2:]
                name, rest = _string(rest)
                self._schemas[key] = (name, _string(rest)[0])
            elif kind == CHANNEL:
                key, schema = struct.unpack_from("<HH", data)
                topic, rest = _string(data[4:])
                name, _ = self._schemas.get(schema, ("", ""))
                self.channels.setdefault(key, Channel(topic, name, _string(rest)[0]))
            else:
                (length,) = struct.unpack_from("<I", data, 42)
                self._statistics = dict(struct.iter_unpack("<HQ", data[46 : 46 + length]))

    def _learn_channels(self, data: bytes) -> None:
        for kind, start, end in _records(data):
            if kind in (SCHEMA, CHANNEL):
                self._understand(kind, data[start:end])

    def _messages(self, data: bytes) -> Iterator[Message]:
        for kind, start, end in _records(data):
            if kind == MESSAGE and end - start >= MESSAGE_HEAD.size:
                channel, _, log_ns, _ = MESSAGE_HEAD.unpack_from(data, start)
                yield Message(channel, log_ns, start + MESSAGE_HEAD.size, end)


class _Run:
    """Messages outside chunks that follow each other."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._offset = self.length = 0
        self._span: tuple[int, int] | None = None
        self._counts: Counter[int] = Counter()

    def add(self, start: int, end: int, channel: int, log_ns: int) -> None:
        """Add the message whose record is between these bytes."""
        if self._span is None:
            self._offset, self._span = start, (log_ns, log_ns)
        self._span = (min(self._span[0], log_ns), max(self._span[1], log_ns))
        self._counts[channel] += 1
        self.length = end - self._offset

    def blocks(self) -> list[Block]:
        """The run as a block, and start over; nothing if it is empty."""
        if self._span is None:
            return []
        block = Block(*self._span, self._counts, Place(self._offset, self.length))
        self._clear()
        return [block]


def _records(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(kind, start, end) of the whole records in a chunk."""
    position = 0
    while position + HEAD.size <= len(data):
        kind, length = HEAD.unpack_from(data, position)
        start = position + HEAD.size
        position = start + length
        if position > len(data):
            return
        yield kind, start, position


def _string(data: bytes) -> tuple[str, bytes]:
    """A string and what follows it."""
    (length,) = struct.unpack_from("<I", data)
    return data[4 : 4 + length].decode(errors="replace"), data[4 + length :]
