"""Keeps built engines on disk under everything that they depend on, and returns only undamaged ones that fit."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from weather_perception.core.engines.base import EngineError
from weather_perception.core.engines.ownership import close_to_others, distrust, distrusted_parent

ENTRY_FILE = "entry.json"
# Kinds of hidden files beside the entries.
_PARTIAL, _LOCK, _FAILED = ".partial", ".lock", ".failed"
_REMEDY = "delete it if you do not know why, or close it with `chmod -R go-w {}`"
FORMAT = 3


_MAKE_ROOM = "make room, or set XDG_CACHE_HOME to a folder on another disk"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CacheError(EngineError):
    """An entry, or the whole cache, cannot be trusted or used; the message names it, what is wrong and the remedy."""


class NoRoomError(CacheError):
    """The disk was full before an entry was whole, which had `room` bytes."""

    def __init__(self, message: str, room: int) -> None:
        super().__init__(message)
        self.room = room


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


def _home() -> Path:
    """The folder of caches; raises EngineError for a user without a home directory."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        # The specification says to ignore a relative path.
        return home if home.is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        raise EngineError(
            "this user has no home directory to keep built engines in; set HOME, or XDG_CACHE_HOME, to a folder"
        ) from error


class EngineCache:
    """A folder of entries, `$XDG_CACHE_HOME/weather_perception/engines` (`~/.cache/...`) unless another is given.

    Only its owner may write to it, and what others could have written is refused.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or _home() / "weather_perception" / "engines"

    def find(self, key: Key) -> Entry | None:
        """The entry of `key`, with every byte checked; None if there is none. Raises CacheError for a damaged one."""
        self.check()
        folder = self.root / key.folder
        if not folder.is_dir():
            return None
        entry = _read(folder)
        if entry.key != key:
            raise CacheError(f"{folder}: {_first_difference(entry.key, key)}")
        _check_files(folder)
        return entry

    def entries(self) -> list[Entry]:
        """Every entry with a readable description; only `find` checks the files. Raises CacheError for the cache."""
        self.check()
        found = []
        for folder in sorted(self.root.glob("*-*")):
            with contextlib.suppress(CacheError):
                found.append(_read(folder))
        return found

    def write(self, key: Key, fill: Callable[[Path], Mapping[str, Any]]) -> Entry:
        """Make the entry of `key`: `fill` writes files into an empty folder and returns notes to keep with them.

        The entry appears complete or not at all: the files of an interrupted writer are never read, and removed here.
        It replaces an earlier entry. One writer of a key at a time: see `locked`.
        Raises NoRoomError if the disk is full, and passes on what else `fill` raises.
        """
        partial, folder = self._beside(key, _PARTIAL), self.root / key.folder
        self._make()
        _remove(partial)
        partial.mkdir(mode=0o700)
        try:
            notes = dict(fill(partial))
            entry = {"format": FORMAT, "key": asdict(key), "notes": notes, "files": _digests(partial)}
            (partial / ENTRY_FILE).write_text(json.dumps(entry | {"seal": seal(entry)}, indent=2))
            close_to_others(partial)
            _flush(partial)
            _remove(folder)
            partial.rename(folder)
        except (OSError, EngineError) as error:
            if not _lacked_room(error):
                raise
            room = shutil.disk_usage(partial).free + sum(path.stat().st_size for path in partial.rglob("*"))
            text = f"{self.root}: an engine did not fit into {room >> 20} MiB ({error}); {_MAKE_ROOM}"
            raise NoRoomError(text, room) from error
        finally:
            _remove(partial)
        self._beside(key, _FAILED).unlink(missing_ok=True)
        return Entry(folder, key, notes)

    def remember_failure(self, key: Key, reason: str, room: int | None = None) -> None:
        """Keep why an engine could not be built, so that it is not tried again at every start.

        room: the bytes that did not suffice; with twice as many it is tried again.
        """
        self._make()
        with contextlib.suppress(OSError):  # a full disk has no room for this either, and `check_room` sees that
            self._beside(key, _FAILED).write_text(json.dumps({"reason": reason, "room": room}))

    def failure(self, key: Key) -> str:
        """Why the engine of `key` could not be built when it was last tried; empty if it can be tried."""
        self.check()
        try:
            failed = json.loads(self._beside(key, _FAILED).read_text())
            room = failed.get("room")
            more_room = room is not None and shutil.disk_usage(self.root).free > 2 * room
            return "" if more_room else str(failed["reason"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ""

    def check(self) -> None:
        """Raise CacheError if others could write to the cache; one that does not exist yet can be trusted."""
        if not self.root.is_dir():
            return
        root = self.root.resolve()
        if problem := distrust(root):
            raise CacheError(f"{root}: {problem}; {_REMEDY.format(root)}")
        if problem := distrusted_parent(root):
            raise CacheError(f"{root}: {problem}; close it to others, or set XDG_CACHE_HOME to a folder of your own")

    def check_room(self, size: int) -> None:
        """Raise CacheError unless an entry of so many bytes can be written."""
        self._make()
        if not os.access(self.root, os.W_OK):
            raise CacheError(f"{self.root}: cannot be written; set XDG_CACHE_HOME to a folder that can")
        free = shutil.disk_usage(self.root).free
        if free < size:
            raise CacheError(
                f"{self.root}: {free >> 20} MiB are free, an engine needs up to {size >> 20} MiB; {_MAKE_ROOM}"
            )

    def sweep(self) -> None:
        """Remove what writers left that were killed; one at work holds its lock."""
        for partial in self.root.glob(f".*{_PARTIAL}"):
            with contextlib.suppress(OSError), _open(partial.with_suffix(_LOCK)) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(partial)

    @contextlib.contextmanager
    def locked(self, key: Key) -> Iterator[None]:
        """Keeps other processes from writing this key; a process that dies releases the lock."""
        self._make()
        self.sweep()
        with _open(self._beside(key, _LOCK)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self) -> None:
        """Make the cache for this user alone, or check it."""
        with contextlib.suppress(FileExistsError):
            self.root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700)
        self.check()

    def _beside(self, key: Key, kind: str) -> Path:
        """A hidden path, which no listing of entries includes."""
        return self.root / f".{key.folder}{kind}"


def _open(path: Path) -> IO[str]:
    """Open a lock's file, and follow no link."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "w")


def seal(description: Mapping[str, Any]) -> str:
    """A digest of everything in a description: it shows that the description is as it was written."""
    text = json.dumps({name: description[name] for name in description if name != "seal"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
    if description.get("seal") != seal(description):
        raise CacheError(f"{folder}: {ENTRY_FILE} was changed after it was written")
    return description


def _first_difference(found: Key, wanted: Key) -> str:
    for name, value in asdict(wanted).items():
        if getattr(found, name) != value:
            return f"{name} is {getattr(found, name)!r}, not {value!r}: copied from elsewhere"
    return "no difference"


def _check_files(folder: Path) -> None:
    """Raise CacheError unless the folder holds exactly the files that its owner wrote, byte for byte."""
    for path in [folder, *sorted(folder.rglob("*"))]:
        if problem := distrust(path):
            raise CacheError(f"{path}: {problem}")
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


def _lacked_room(error: BaseException | None) -> bool:
    """Whether an error or a cause of it says that the disk is full; a compiler says so in its text alone."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    return os.strerror(errno.ENOSPC) in str(error) or _lacked_room(error.__cause__)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
