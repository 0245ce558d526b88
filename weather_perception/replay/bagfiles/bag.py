"""A recording of ROS 1 or ROS 2 as one stream of messages in the order of time, whatever its files' metadata say."""

import heapq
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from weather_perception.core.pipeline import FrameError
from weather_perception.replay.bagfiles.base import (
    DAMAGE,
    ZSTD_MAGIC,
    BagFile,
    BagFileError,
    Block,
    Record,
    zstd,
)
from weather_perception.replay.bagfiles.find import bag_files, missing_files, open_file, read_metadata
from weather_perception.replay.exits import NO_SPACE


class Topic(NamedTuple):
    """A topic: its message type, the messages that are there, and those that the recording says it has, if it does."""

    name: str
    msgtype: str
    encoding: str
    there: int
    promised: int | None


class Bag:
    """A bag: its topics, and their messages.

    Topics are joined by name alone across files: the files of a split bag, and metadata.yaml, may differ in QoS or in
    anything else.
    """

    def __init__(self, path: Path) -> None:
        """Open every file of the bag. Raises BagFileError if none can be read, OSError if the disk is full."""
        self.path = path
        metadata = read_metadata(path)
        paths, self._notes = bag_files(path, metadata)
        self._files: list[BagFile] = []
        problems = []
        for file in paths:
            try:
                self._files.append(open_file(file, self))
            except (BagFileError, OSError) as error:
                if isinstance(error, OSError) and error.errno in NO_SPACE:  # while a compressed file was unpacked
                    raise
                problems.append(str(error))
        if not self._files:
            raise BagFileError("; ".join(problems) or f"{path}: {metadata.problem or 'no file of a bag is there'}")
        self._notes += problems
        self._lacks_files = bool(problems) or bool(missing_files(path, metadata))
        self._promised = metadata.promised
        self._damage: dict[str, None] = {}
        self.topics = self._topics()
        # A chunk of which no message is there has the times 0.
        blocks = [block for file in self._files for block in file.blocks if block.counts or block.end_ns]
        self.start_ns = min((block.start_ns for block in blocks), default=0)
        self.end_ns = max((block.end_ns for block in blocks), default=0)

    @property
    def notes(self) -> list[str]:
        """What a person should know: what is missing, cut or damaged, as far as it was read."""
        return [*self._notes, *(note for file in self._files for note in file.notes), *self._damage]

    @property
    def damaged(self) -> bool:
        """Whether a part of the recording is missing, cut or damaged, as far as it was read."""
        return self._lacks_files or bool(self._damage) or any(file.notes for file in self._files)

    def records(
        self, topics: Collection[str], start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[Record]:
        """The messages of some topics, recorded from `start_ns` on and before `end_ns`, in the order of time.

        Skips damaged blocks; `notes` says so. Memory holds the blocks that overlap in time, however long the bag.
        """
        first, last = start_ns if start_ns is not None else -(2**63), end_ns if end_ns is not None else 2**63
        for record in _merged(list(self._blocks(topics, first, last)), self._damage):
            if first <= record.time_ns < last:
                yield record

    def _blocks(
        self, topics: Collection[str], first: int, last: int
    ) -> Iterator[tuple[Block, BagFile, frozenset[int]]]:
        for file in self._files:
            wanted = frozenset(key for key, channel in file.channels.items() if channel.topic in topics)
            for block in file.blocks:
                if wanted.intersection(block.counts) and block.start_ns < last and block.end_ns >= first:
                    yield block, file, wanted

    def _topics(self) -> dict[str, Topic]:
        channels = {channel.topic: channel for file in self._files for channel in file.channels.values()}
        there: Counter[str] = Counter()
        for file in self._files:
            for block in file.blocks:
                for key, count in block.counts.items():
                    if key in file.channels:
                        there[file.channels[key].topic] += count
        return {
            name: Topic(name, channel.msgtype, channel.encoding, there[name], self._promise(name))
            for name, channel in sorted(channels.items())
        }

    def _promise(self, topic: str) -> int | None:
        """The messages that the recording says it has: metadata.yaml, or the files' own indexes, if they say more."""
        of_files = [file.promised.get(topic, 0) for file in self._files if file.promised is not None]
        said = [sum(of_files)] if len(of_files) == len(self._files) else []
        said += [self._promised.get(topic, 0)] if self._promised is not None else []
        return max(said, default=None)


def decode(record: Record) -> Any:
    """The message in a record, in the types of rosbags. Raises FrameError `undecodable` for a cut or damaged one.

    The definitions in the recording are not used: they may be missing, and those of the types that replay reads have
    not changed since ROS 1, except the header.
    """
    channel = record.channel
    try:
        data = zstd.decompress(record.data) if record.data.startswith(ZSTD_MAGIC) else record.data
        if channel.encoding == "ros1":
            return _types(Stores.ROS1_NOETIC).deserialize_ros1(data, channel.msgtype)
        return _types(Stores.LATEST).deserialize_cdr(data, channel.msgtype)
    except (SerdeError, IndexError, AssertionError, *DAMAGE) as error:
        raise FrameError(
            "undecodable", f"{channel.topic}: the message recorded at {record.time_ns} ns is cut or damaged ({error})"
        ) from error


@cache
def _types(store: Stores) -> Typestore:
    return get_typestore(store)


def _merged(blocks: list[tuple[Block, BagFile, frozenset[int]]], damage: dict[str, None]) -> Iterator[Record]:
    """The records of all blocks in the order of time; a block is opened when its time has come."""
    waiting = sorted(range(len(blocks)), key=lambda number: (blocks[number][0].start_ns, number), reverse=True)
    heads: list[tuple[int, int, Record, Iterator[Record]]] = []
    while heads or waiting:
        while waiting and (not heads or blocks[waiting[-1]][0].start_ns <= heads[0][0]):
            number = waiting.pop()
            _push(heads, number, _whole(*blocks[number], damage))
        if heads:
            _, number, record, records = heapq.heappop(heads)
            yield record
            _push(heads, number, records)


def _push(heads: list[tuple[int, int, Record, Iterator[Record]]], number: int, records: Iterator[Record]) -> None:
    record = next(records, None)
    if record is not None:
        heapq.heappush(heads, (record.time_ns, number, record, records))


def _whole(block: Block, file: BagFile, wanted: frozenset[int], damage: dict[str, None]) -> Iterator[Record]:
    """The records of a block, or of what can be read of it."""
    try:
        yield from file.read(block, wanted)
    except BagFileError as error:
        lost = sum(count for key, count in block.counts.items() if key in wanted)
        damage[f"{error}; it held {lost} of the messages to be read"] = None
