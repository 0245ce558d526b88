"""Reads a serialized Image or CompressedImage: the fields are checked before any memory is used for the pixels."""

import struct
from dataclasses import dataclass

from std_msgs.msg import Header

from weather_perception.core.pipeline import FrameError

# Longer texts are no frame id and no encoding, but another message or a broken one.
_MOST_TEXT = 1024
_ENCAPSULATION = 4


@dataclass(frozen=True)
class RawImage:
    """An Image whose `data` are a view of the serialized message."""

    header: Header
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview


@dataclass(frozen=True)
class RawCompressed:
    """A CompressedImage whose `data` are a view of the serialized message."""

    header: Header
    format: str
    data: memoryview


def read_image(data: bytes) -> RawImage:
    """The fields of a serialized sensor_msgs/Image; raises FrameError("malformed") for anything else."""
    cursor = _Cursor(data)
    header = cursor.header()
    height, width = cursor.uint32(), cursor.uint32()
    encoding, bigendian, step = cursor.text(), cursor.uint8(), cursor.uint32()
    return RawImage(header, height, width, encoding, bigendian, step, cursor.rest())


def read_compressed(data: bytes) -> RawCompressed:
    """The fields of a serialized sensor_msgs/CompressedImage; raises FrameError("malformed") for anything else."""
    cursor = _Cursor(data)
    return RawCompressed(cursor.header(), cursor.text(), cursor.rest())


class _Cursor:
    """Walks over a message; every field is aligned to its size, counted from the end of the encapsulation."""

    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)
        if len(data) < _ENCAPSULATION:
            raise FrameError("malformed", f"the message has {len(data)} bytes, too few for any")
        self._order = "<" if data[1] & 1 else ">"
        self._at = _ENCAPSULATION

    def header(self) -> Header:
        header = Header()
        header.stamp.sec, header.stamp.nanosec = self._unpack("i", 4), self.uint32()
        header.frame_id = self.text()
        return header

    def uint32(self) -> int:
        return self._unpack("I", 4)

    def uint8(self) -> int:
        return self._unpack("B", 1)

    def text(self) -> str:
        length = self.uint32()
        if length > _MOST_TEXT:
            raise FrameError("malformed", f"a text field has {length} bytes")
        raw = bytes(self._take(length))
        try:
            return raw.rstrip(b"\0").decode()
        except UnicodeDecodeError as error:
            raise FrameError("malformed", f"a text field is not UTF-8: {raw[:40]!r}") from error

    def rest(self) -> memoryview:
        """The byte sequence at the end of the message."""
        return self._take(self.uint32())

    def _unpack(self, kind: str, size: int) -> int:
        self._at += -(self._at - _ENCAPSULATION) % size
        (value,) = struct.unpack(self._order + kind, self._take(size))
        return int(value)

    def _take(self, size: int) -> memoryview:
        end = self._at + size
        if end > len(self._view):
            raise FrameError("malformed", f"the message ends after {len(self._view)} bytes, {end} are announced")
        taken, self._at = self._view[self._at : end], end
        return taken
