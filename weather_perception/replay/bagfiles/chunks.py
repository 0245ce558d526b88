"""What MCAP and ROS 1 bags share: chunks of messages, each compressed for itself, which an index may describe."""

from abc import ABC, abstractmethod
from binascii import crc32
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from weather_perception.replay.bagfiles.base import BagFileError, Block, Channel, Record, inflate


class Place(NamedTuple):
    """Bytes of a file; those of a chunk are compressed, and `size` bytes with the checksum `crc` when they are not.

    A `partial` chunk was cut off.
    """

    offset: int
    length: int
    compression: str = ""
    size: int | None = None
    crc: int = 0
    partial: bool = False


class Message(NamedTuple):
    """A message of a chunk, and the place of its content in the chunk's data."""

    channel: int
    time_ns: int
    start: int
    end: int


class ChunkedFile(ABC):
    """A `BagFile` whose blocks are at a `Place`; a subclass walks over it once on opening."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.channels: dict[int, Channel] = {}
        self.blocks: list[Block] = []
        self.promised: dict[str, int] | None = None
        self.notes: list[str] = []

    @abstractmethod
    def _learn_channels(self, data: bytes) -> None:
        """Add the channels that a chunk describes."""

    @abstractmethod
    def _messages(self, data: bytes) -> Iterator[Message]:
        """The messages in a chunk, as they lie in it."""

    def read(self, block: Block, wanted: frozenset[int]) -> Iterator[Record]:
        """See `BagFile.read`."""
        with self.path.open("rb") as file:
            data = self._data(file, block)
        found = [message for message in self._messages(data) if message.channel in wanted]
        for channel, time_ns, start, end in sorted(found, key=lambda message: message.time_ns):
            yield Record(time_ns, self.channels[channel], data[start:end])

    def _look_inside(self, file: BinaryIO) -> None:
        """Count chunks that no index follows, and find channels that only chunks describe."""
        for number, block in enumerate(self.blocks):
            if block.counts and all(channel in self.channels for channel in block.counts):
                continue
            try:
                data = self._data(file, block)
            except BagFileError as error:
                if not block.counts:  # or `read` would say so
                    self.notes.append(f"{error}; how many messages it held is unknown")
                continue
            self._learn_channels(data)
            found = list(self._messages(data))
            times = [message.time_ns for message in found] or [block.start_ns]
            counts = Counter(message.channel for message in found)
            self.blocks[number] = Block(min(times), max(times), counts, block.place)

    def _data(self, file: BinaryIO, block: Block) -> bytes:
        place = block.place
        assert isinstance(place, Place)
        file.seek(place.offset)
        try:
            data = inflate(file.read(place.length), place.compression, place.partial)
            if not place.partial and place.size is not None and len(data) != place.size:
                raise BagFileError(f"{len(data)} bytes instead of {place.size}")
            if not place.partial and place.crc and crc32(data) != place.crc:
                raise BagFileError("its checksum is wrong")
        except BagFileError as error:
            raise BagFileError(f"{self.path.name}: the chunk at byte {place.offset:,} is damaged: {error}") from error
        return data
