"""Finds the files of a recording, by what is in them rather than by their names, and what metadata.yaml says of it."""

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from weather_perception.core.pictures import natural
from weather_perception.replay.bagfiles import mcap, ros1, sqlite
from weather_perception.replay.bagfiles.base import ZSTD_MAGIC, BagFile, BagFileError, zstd

KINDS: dict[bytes, Callable[[Path], BagFile]] = {
    mcap.MAGIC: mcap.McapFile,
    sqlite.MAGIC: sqlite.SqliteFile,
    ros1.MAGIC: ros1.Ros1File,
}
SUFFIXES = (".mcap", ".db3", ".bag", ".active", ".zstd", ".zst")
LFS = b"version https://git-lfs.github.com/spec/"
METADATA = "metadata.yaml"


@dataclass
class Metadata:
    """What metadata.yaml says: its files, and the messages of each topic. Empty if there is none, or it is broken."""

    files: list[str] = field(default_factory=list)
    promised: dict[str, int] | None = None
    problem: str = ""


def kind_of(path: Path) -> Callable[[Path], BagFile] | None:
    """The kind of a bag's file; None if it is none."""
    head = _head(path)
    return next((kind for magic, kind in KINDS.items() if head.startswith(magic)), None)


def is_bag_file(path: Path) -> bool:
    """Whether a file is of a bag, or claims to be by its suffix."""
    if path.name.startswith(".") or path.name.endswith(("-wal", "-shm")) or not path.is_file():
        return False
    return path.suffix.lower() in SUFFIXES or kind_of(path) is not None


def is_bag(path: Path) -> bool:
    """Whether a path is a bag's file, or a folder with some."""
    if path.is_dir():
        return (path / METADATA).is_file() or any(is_bag_file(file) for file in path.iterdir())
    return is_bag_file(path)


def bag_files(path: Path, metadata: Metadata) -> tuple[list[Path], list[str]]:
    """The files of a bag in the order of recording, and what a person should know about them."""
    if not path.is_dir():
        return [path], []
    there = sorted((file for file in path.iterdir() if is_bag_file(file)), key=natural)
    notes = [metadata.problem] if metadata.problem else []
    if missing := missing_files(path, metadata):
        notes.append(f"{METADATA} names files that are not there: {', '.join(missing)}")
    unlisted = [file.name for file in there if metadata.files and file.name not in metadata.files]
    if unlisted:
        notes.append(f"{METADATA} does not name {', '.join(unlisted)}, read all the same")
    return there, notes


def missing_files(path: Path, metadata: Metadata) -> list[str]:
    """The files that metadata.yaml names and that are not there."""
    return [name for name in metadata.files if not (path / name).exists()]


def read_metadata(path: Path) -> Metadata:
    """The folder's metadata.yaml, of which only the names of files and topics and the counts are believed."""
    file = path / METADATA
    if not path.is_dir() or not file.is_file():
        return Metadata()
    try:
        loaded: Any = YAML(typ="safe").load(file.read_text(encoding="utf-8", errors="replace"))
        content = loaded["rosbag2_bagfile_information"]
        files = [Path(str(name)).name for name in content["relative_file_paths"]]
        promised: Counter[str] = Counter()
        for topic in content["topics_with_message_count"]:
            promised[str(topic["topic_metadata"]["name"])] += int(topic["message_count"])
        return Metadata(files, dict(promised))
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError, OSError):
        return Metadata(problem=f"{METADATA} is empty or broken; the files beside it were read without")


def open_file(path: Path, owner: object) -> BagFile:
    """Open a file of a bag; a compressed one is unpacked into a temporary file that lives as long as `owner`.

    Raises BagFileError if it cannot be read.
    """
    head = _head(path)
    if head.startswith(ZSTD_MAGIC):
        return open_file(_unpacked(path, owner), owner)
    kind = kind_of(path)
    if kind is not None:
        return kind(path)
    if head.startswith(LFS):
        raise BagFileError(f"{path}: a Git LFS pointer, not the recording itself; fetch it with `git lfs pull`")
    if not head:
        raise BagFileError(f"{path}: the file is empty")
    if not any(head):
        raise BagFileError(f"{path}: the file begins with zeros, as after a power loss; nothing of it can be read")
    raise BagFileError(f"{path}: not a bag: neither MCAP, nor sqlite3 of rosbag2, nor a ROS 1 bag")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError:
        return b""


def _unpacked(path: Path, owner: object) -> Path:
    """The file in a zstd file; of one that was cut, what there is."""
    folder = Path(tempfile.mkdtemp(prefix="replay-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    unpacked = folder / path.stem
    try:
        with zstd.open(path, "rb") as packed, unpacked.open("wb") as out:
            while part := packed.read(1 << 20):
                out.write(part)
    except EOFError:
        pass  # cut off: its reader notes what is missing
    except zstd.ZstdError as error:
        raise BagFileError(f"{path}: damaged zstd data ({error})") from error
    return unpacked
