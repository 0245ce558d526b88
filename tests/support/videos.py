"""Writes small videos, also ones of variable frame rate, and ones that a power loss cut off."""

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

FPS = 25
CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def write_video(path: Path, images: Sequence[np.ndarray]) -> Path:
    """A video of RGB pictures at an even 25 frames a second."""
    height, width = images[0].shape[:2]
    codec = "MJPG" if path.suffix.lower() == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), FPS, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(np.ascontiguousarray(image[:, :, ::-1]))
    writer.release()
    return path


def with_durations(path: Path, durations: Sequence[int]) -> Path:
    """The MP4 file, rewritten so that each frame lasts as many times 40 ms."""
    path.write_bytes(_rewritten(path.read_bytes(), durations))
    return path


def without_index(path: Path) -> Path:
    """The MP4 file as a recorder leaves it that lost its power: without the index at its end."""
    path.write_bytes(b"".join(box for name, box in _boxes(path.read_bytes()) if name != b"moov"))
    return path


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 0
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        found.append((name, data[position : position + length]))
        position += length
    return found


def _rewritten(data: bytes, durations: Sequence[int]) -> bytes:
    out = b""
    for name, box in _boxes(data):
        inside = box[8:]
        if name in CONTAINERS:
            inside = _rewritten(inside, durations)
        elif name == b"stts":
            _, delta = struct.unpack_from(">II", inside, 8)
            rows = b"".join(struct.pack(">II", 1, delta * times) for times in durations)
            inside = inside[:4] + struct.pack(">I", len(durations)) + rows
        elif name == b"edts":
            continue  # the edit list has the old duration
        out += struct.pack(">I4s", len(inside) + 8, name) + inside
    return out
