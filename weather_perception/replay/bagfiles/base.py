"""What every file of a bag is to its reader: channels, and blocks of messages that are read one at a time."""

import bz2
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import lz4.frame  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
DAMAGE = (zstd.ZstdError, RuntimeError, OSError, EOFError, ValueError)
"""What the decompressors raise for damaged data."""


class BagFileError(ValueError):
    """A file, or a block of one, cannot be read; the message says why."""


class Channel(NamedTuple):
    """A topic of a file. `encoding` is that of its messages: cdr, ros1, or one that replay does not read."""

    topic: str
    msgtype: str
    encoding: str


class Record(NamedTuple):
    """A message as it was recorded, with the channel it came by."""

    time_ns: int
    channel: Channel
    data: bytes


class Block(NamedTuple):
    """Messages that lie together in a file: their time of recording from first to last, how many of each channel.

    `place` says where, to the file that it is of.
    """

    start_ns: int
    end_ns: int
    counts: Mapping[int, int]
    place: object


class BagFile(Protocol):
    """An open file of a bag."""

    path: Path
    channels: dict[int, Channel]
    blocks: list[Block]
    promised: dict[str, int] | None
    """Messages by topic according to the file's own index; None without one."""
    notes: list[str]
    """What a person should know about the file, such as where it was cut."""

    def read(self, block: Block, wanted: frozenset[int]) -> Iterator[Record]:
        """The messages of some channels in a block, in the order of time. Raises BagFileError for a damaged block."""


def inflate(data: bytes, compression: str, partial: bool = False) -> bytes:
    """Decompressed data; of `partial` data as much as there is. Raises BagFileError if they are damaged."""
    try:
        match compression:
            case "" | "none":
                return data
            case "zstd":
                return zstd.ZstdDecompressor().decompress(data) if partial else zstd.decompress(data)
            case "lz4":
                decompressor = lz4.frame.LZ4FrameDecompressor()
                return bytes(decompressor.decompress(data) if partial else lz4.frame.decompress(data))
            case "bz2":
                return bz2.BZ2Decompressor().decompress(data) if partial else bz2.decompress(data)
    except DAMAGE as error:
        raise BagFileError(f"damaged {compression} data ({error})") from error
    raise BagFileError(f"compressed as {compression!r}; replay reads zstd, lz4 and bz2")
