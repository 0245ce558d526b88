"""Keeps built engines on disk under everything that they depend on, and returns only undamaged ones that fit."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ENTRY_FILE = "entry.json"
FORMAT = 2


class CacheError(RuntimeError):
    """An entry cannot be trusted; the message names the entry and what is wrong with it."""


@dataclass(frozen=True)
class Key:
    """Everything that an engine depends on; another value of any field is another engine.

    `model` is the SHA-256 of the model file, `version` that of the backend's toolkit, `builder` the SHA-256 of our code
    that uses it, `device` its name and capability, and the size is in pixels. `batch` is the number of frames it
    was compiled for.
    """

    model: str
    backend: str
    version: str
    builder: str
    device: str
    precision: str
    height: int
    width: int
    batch: int

    @property
    def folder(self) -> str:
        """The entry's name: the parts that a person recognises, and a digest of everything."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.backend}-{self.precision}-{self.batch}x{self.height}x{self.width}-{digest[:24]}"


@dataclass(frozen=True)
class Entry:
    """An entry: its folder, its key, and the notes of its writer."""

    folder: Path
    key: Key
    notes: Mapping[str, Any]


class EngineCache:
    """A folder of entries, `$XDG_CACHE_HOME/weather_perception/engines` (`~/.cache/...`) unless another is given."""

    def __init__(self, root: Path | None = None) -> None:
        # The specification says to ignore a relative path.
        home = Path(os.environ.get("XDG_CACHE_HOME", ""))
        home = home if home.is_absolute() else Path.home() / ".cache"
        self.root = root or home / "weather_perception" / "engines"

    def find(self, key: Key) -> Entry | None:
        """The entry of `key`, with every byte checked; None if there is none. Raises CacheError for a damaged one."""
        folder = self.root / key.folder
        if not folder.is_dir():
            return None
        entry = _read(folder)
        if entry.key != key:
            raise CacheError(f"{folder}: {_first_difference(entry.key, key)}")
        _check_files(folder)
        return entry

    def entries(self) -> list[Entry]:
        """Every entry with a readable description; only `find` checks the files."""
        found = []
        for folder in sorted(self.root.glob("*-*")):
            with contextlib.suppress(CacheError):
                found.append(_read(folder))
        return found

    def write(self, key: Key, fill: Callable[[Path], Mapping[str, Any]]) -> Entry:
        """Make the entry of `key`: `fill` writes files into an empty folder and returns notes to keep with them.

        The entry appears complete or not at all: the files of an interrupted writer are never read, and removed here.
        It replaces an earlier entry. One writer of a key at a time: see `locked`.
        """
        partial, folder = self._beside(key, ".partial"), self.root / key.folder
        _remove(partial)
        partial.mkdir(parents=True)
        try:
            notes = dict(fill(partial))
            entry = {"format": FORMAT, "key": asdict(key), "notes": notes, "files": _digests(partial)}
            (partial / ENTRY_FILE).write_text(json.dumps(entry, indent=2))
            _flush(partial)
            _remove(folder)
            partial.rename(folder)
        finally:
            _remove(partial)
        return Entry(folder, key, notes)

    @contextlib.contextmanager
    def locked(self, key: Key) -> Iterator[None]:
        """Keeps other processes from writing this key; a process that dies releases the lock."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._beside(key, ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _beside(self, key: Key, kind: str) -> Path:
        """A hidden path, which no listing of entries includes."""
        return self.root / f".{key.folder}{kind}"


def _read(folder: Path) -> Entry:
    description = _description(folder)
    try:
        return Entry(folder, Key(**description["key"]), description["notes"])
    except (KeyError, TypeError) as error:
        raise CacheError(f"{folder}: {ENTRY_FILE} does not say what it was built for ({error})") from error


def _description(folder: Path) -> dict[str, Any]:
    try:
        description = json.loads((folder / ENTRY_FILE).read_text())
    except (OSError, ValueError) as error:
        raise CacheError(f"{folder}: {ENTRY_FILE} cannot be read ({error})") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CacheError(f"{folder}: {ENTRY_FILE} is not of format {FORMAT}")
    return description


def _first_difference(found: Key, wanted: Key) -> str:
    for name, value in asdict(wanted).items():
        if getattr(found, name) != value:
            return f"{name} is {getattr(found, name)!r}, not {value!r}: copied from elsewhere"
    return "no difference"


def _check_files(folder: Path) -> None:
    """Raise CacheError unless the folder holds exactly the files that were written, byte for byte."""
    written, found = _description(folder).get("files"), _digests(folder)
    if not isinstance(written, dict):
        raise CacheError(f"{folder}: {ENTRY_FILE} names no files")
    for name in sorted(written.keys() | found.keys()):
        if name not in found:
            raise CacheError(f"{folder}: {name} is missing")
        if name not in written:
            raise CacheError(f"{folder}: {name} does not belong to it")
        if written[name] != found[name]:
            raise CacheError(f"{folder}: {name} is damaged: its SHA-256 is not what was written")


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` except the description, by its path."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != ENTRY_FILE:
            with path.open("rb") as file:
                digests[name] = _sha256(file.read)
    return digests


def _sha256(read: Callable[[int], bytes]) -> str:
    digest = hashlib.sha256()
    while block := read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _flush(folder: Path) -> None:
    """Write every byte to the disk before the entry's name: a power cut interrupts a writer too."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
