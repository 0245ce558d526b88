"""The cache hands out an engine only if it is whole and was built for exactly what is asked."""

import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from weather_perception.core.engines.base import EngineError
from weather_perception.core.engines.cache import CacheError, EngineCache, Key, NoRoomError, seal

KEY = Key("0" * 64, "inductor", "torch 2.13.0", "b" * 64, "a CPU", "fp32", 360, 640, 1)
OTHERS = {
    "model": "1" * 64,
    "backend": "openvino",
    "version": "torch 2.14.0",
    "builder": "c" * 64,
    "device": "another CPU",
    "precision": "bf16",
    "height": 361,
    "width": 641,
    "batch": 2,
}
# Begins to write the entry in the folder named, says so, and waits to be killed.
WRITER = f"""
import sys
from pathlib import Path
from weather_perception.core.engines.cache import EngineCache, Key

def fill(folder):
    (folder / "engine.bin").write_bytes(b"half of an")
    print("writing", flush=True)
    sys.stdin.read()

cache, key = EngineCache(Path(sys.argv[1])), {KEY!r}
with cache.locked(key):
    cache.write(key, fill)
"""


def fill(folder: Path) -> Mapping[str, Any]:
    (folder / "engine.bin").write_bytes(b"an engine")
    (folder / "weights").mkdir()
    (folder / "weights" / "0").write_bytes(b"weights")
    return {"seconds": 2.5}


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "cache")


def test_a_written_entry_is_found_with_its_files_and_notes(cache: EngineCache) -> None:
    assert cache.find(KEY) is None and cache.entries() == []
    written = cache.write(KEY, fill)
    assert cache.find(KEY) == written
    assert cache.entries() == [written]
    assert (written.folder / "weights" / "0").read_bytes() == b"weights"
    assert written.notes == {"seconds": 2.5}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_it_depends_on_makes_another_entry(cache: EngineCache, name: str) -> None:
    cache.write(KEY, fill)
    assert cache.find(dataclasses.replace(KEY, **{name: OTHERS[name]})) is None


def test_a_writer_that_is_killed_leaves_nothing_to_find_and_does_not_stop_the_next(cache: EngineCache) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(cache.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout and writer.stdout.readline() == "writing\n"
        assert cache.find(KEY) is None
        writer.kill()
    assert list(cache.root.rglob("engine.bin")), "it was killed at work"
    assert cache.find(KEY) is None and cache.entries() == []
    with cache.locked(KEY):
        cache.write(KEY, fill)
    assert [path.read_bytes() for path in cache.root.rglob("engine.bin")] == [b"an engine"]
    assert cache.find(KEY)


def test_a_disk_that_gets_full_leaves_what_was_there_and_nothing_else(cache: EngineCache) -> None:
    def overflow(folder: Path) -> Mapping[str, Any]:
        (folder / "engine.bin").write_bytes(b"half")
        Path("/dev/full").write_bytes(b"the other half")
        return {}

    cache.write(KEY, fill)
    with pytest.raises(NoRoomError, match=r"No space left on device.*; make room, or set XDG_CACHE_HOME"):
        cache.write(KEY, overflow)
    found = cache.find(KEY)
    assert found and (found.folder / "engine.bin").read_bytes() == b"an engine"
    assert list(cache.root.iterdir()) == [found.folder]


def test_a_build_that_found_no_room_is_tried_again_once_there_is_twice_as_much(cache: EngineCache) -> None:
    cache.remember_failure(KEY, "the disk is full", room=1)
    assert cache.failure(KEY) == ""
    cache.remember_failure(KEY, "the disk is full", room=shutil.disk_usage(cache.root).total)
    assert cache.failure(KEY) == "the disk is full"


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "engine.bin").read_bytes())
    content[3] ^= 1
    (folder / "engine.bin").write_bytes(content)


def describe(**changes: object) -> Callable[[Path], None]:
    """Rewrites the description, with a seal that fits."""

    def change(folder: Path) -> None:
        description = json.loads((folder / "entry.json").read_text()) | changes
        description = {name: value for name, value in description.items() if value is not None}
        (folder / "entry.json").write_text(json.dumps(description | {"seal": seal(description)}))

    return change


def trust_another_file(folder: Path) -> None:
    """Puts other code into an entry, and its digest into the description."""
    text, before = (folder / "entry.json").read_text(), (folder / "engine.bin").read_bytes()
    (folder / "engine.bin").write_bytes(b"other code")
    digests = (hashlib.sha256(content).hexdigest() for content in (before, b"other code"))
    (folder / "entry.json").write_text(text.replace(*digests))


def link_a_file(folder: Path) -> None:
    (folder / "engine.bin").rename(folder.parent / "elsewhere")
    (folder / "engine.bin").symlink_to(folder.parent / "elsewhere")


DAMAGES = {
    "engine.bin is damaged": flip_a_bit,
    "weights/0 is missing": lambda folder: shutil.rmtree(folder / "weights"),
    "extra.so does not belong to it": lambda folder: (folder / "extra.so").touch(),
    "device is 'another CPU', not 'a CPU'": describe(key=dataclasses.asdict(KEY) | {"device": "another CPU"}),
    "entry.json was changed after it was written": trust_another_file,
    "engine.bin: is a link": link_a_file,
    "engine.bin: can be written by others (mode 666)": lambda folder: (folder / "engine.bin").chmod(0o666),
    "weights: can be written by others (mode 770)": lambda folder: (folder / "weights").chmod(0o770),
    ": can be written by others (mode 777)": lambda folder: folder.chmod(0o777),
    "entry.json cannot be read": lambda folder: (folder / "entry.json").write_text('{"format": 3,'),
    "entry.json is not of format 3": lambda folder: (folder / "entry.json").write_text('{"format": 1}'),
    "entry.json does not say what it was built for": describe(key=None),
    "entry.json names no files": describe(files=None),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_a_damaged_or_foreign_entry_is_refused_by_name_and_can_be_replaced(cache: EngineCache, message: str) -> None:
    folder = cache.write(KEY, fill).folder
    DAMAGES[message](folder)
    with pytest.raises(CacheError) as refused:
        cache.find(KEY)
    assert folder.name in str(refused.value) and message in str(refused.value)
    cache.write(KEY, fill)
    assert cache.find(KEY)


def test_an_entry_copied_from_another_machine_is_refused(cache: EngineCache) -> None:
    theirs = dataclasses.replace(KEY, device="their CPU")
    shutil.copytree(cache.write(theirs, fill).folder, cache.root / KEY.folder)
    with pytest.raises(CacheError, match="device is 'their CPU', not 'a CPU': copied from elsewhere"):
        cache.find(KEY)


def test_it_is_where_users_keep_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert EngineCache().root == tmp_path / "weather_perception/engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert EngineCache().root == tmp_path / "home/.cache/weather_perception/engines"


def test_only_its_owner_can_read_or_write_it_whatever_the_umask(cache: EngineCache) -> None:
    before = os.umask(0)
    try:
        folder = cache.write(KEY, fill).folder
    finally:
        os.umask(before)
    assert (cache.root.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o700, 0o700)
    assert cache.find(KEY)


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a file or folder that of another user, in the eyes of this process."""
    if os.geteuid() == 0:
        os.chown(path, 4711, -1, follow_symlinks=False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)


@pytest.mark.parametrize("place", ["", "engine.bin"])
def test_an_entry_of_another_user_is_refused(cache: EngineCache, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give_away(cache.write(KEY, fill).folder / place, monkeypatch)
    with pytest.raises(CacheError, match=r"belongs to user \d+, not to user \d+, who runs this"):
        cache.find(KEY)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_cache_that_others_can_write_is_refused_with_the_command_that_closes_it(
    cache: EngineCache, mode: int
) -> None:
    cache.write(KEY, fill)
    cache.root.chmod(mode)
    for use in (lambda: cache.find(KEY), cache.entries, lambda: cache.write(KEY, fill), lambda: cache.failure(KEY)):
        with pytest.raises(
            CacheError, match=rf"can be written by others \(mode {mode:o}\); .*`chmod -R go-w {cache.root}`"
        ):
            use()
    cache.root.chmod(0o700)
    assert cache.find(KEY)


def test_a_cache_below_a_folder_in_which_everybody_can_write_is_refused(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "open" / "cache")
    cache.write(KEY, fill)
    cache.root.parent.chmod(0o777)
    with pytest.raises(CacheError, match=rf"{cache.root.parent} can be written by everybody \(mode 777\)"):
        cache.find(KEY)
    cache.root.parent.chmod(0o1777)  # as /tmp, in which nobody can replace what belongs to others
    assert cache.find(KEY)


def test_a_cache_of_another_user_is_refused(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write(KEY, fill)
    give_away(cache.root, monkeypatch)
    with pytest.raises(CacheError, match="belongs to user"):
        cache.entries()


def test_a_lock_that_is_a_link_is_not_followed(cache: EngineCache, tmp_path: Path) -> None:
    cache.write(KEY, fill)
    (tmp_path / "precious").write_text("kept")
    (cache.root / f".{KEY.folder}.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), cache.locked(KEY):
        pass
    assert (tmp_path / "precious").read_text() == "kept"


def test_what_a_killed_writer_left_is_swept_and_what_one_at_work_writes_is_not(cache: EngineCache) -> None:
    other = dataclasses.replace(KEY, height=90)
    cache.write(KEY, fill)
    left, busy = (cache.root / f".{key.folder}.partial" for key in (KEY, other))
    for folder in (left, busy):
        folder.mkdir()
    with (cache.root / f".{other.folder}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        cache.sweep()
        assert not left.exists() and busy.exists()
    cache.sweep()
    assert not busy.exists()


def test_a_failure_is_remembered_for_its_key_until_the_engine_is_written(cache: EngineCache) -> None:
    assert cache.failure(KEY) == ""
    cache.remember_failure(KEY, "no kernel for this operator")
    assert EngineCache(cache.root).failure(KEY) == "no kernel for this operator"
    assert cache.failure(dataclasses.replace(KEY, version="torch 2.14.0")) == ""
    assert cache.entries() == []
    cache.write(KEY, fill)
    assert cache.failure(KEY) == ""


def test_too_little_room_is_said_before_anything_is_built(cache: EngineCache) -> None:
    cache.check_room(1)
    with pytest.raises(CacheError, match=r"MiB are free, an engine needs up to \d+ MiB; make room"):
        cache.check_room(1 << 60)


def test_a_user_without_a_home_directory_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user id that no password file has
    with pytest.raises(EngineError, match="XDG_CACHE_HOME"):
        EngineCache()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert EngineCache().root == tmp_path / "weather_perception" / "engines"
