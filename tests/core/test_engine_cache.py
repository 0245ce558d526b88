"""The cache hands out an engine only if it is whole and was built for exactly what is asked."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from weather_perception.core.engines.cache import CacheError, EngineCache, Key

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


def test_a_fill_that_fails_leaves_what_was_there(cache: EngineCache) -> None:
    def fails(folder: Path) -> Mapping[str, Any]:
        (folder / "engine.bin").write_bytes(b"half")
        raise OSError("no space left on device")

    cache.write(KEY, fill)
    with pytest.raises(OSError, match="no space left"):
        cache.write(KEY, fails)
    found = cache.find(KEY)
    assert found and (found.folder / "engine.bin").read_bytes() == b"an engine"


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "engine.bin").read_bytes())
    content[3] ^= 1
    (folder / "engine.bin").write_bytes(content)


def name_another_device(folder: Path) -> None:
    text = (folder / "entry.json").read_text()
    (folder / "entry.json").write_text(text.replace("a CPU", "another CPU"))


DAMAGES = {
    "engine.bin is damaged": flip_a_bit,
    "weights/0 is missing": lambda folder: shutil.rmtree(folder / "weights"),
    "extra.so does not belong to it": lambda folder: (folder / "extra.so").touch(),
    "device is 'another CPU', not 'a CPU'": name_another_device,
    "entry.json cannot be read": lambda folder: (folder / "entry.json").write_text('{"format": 2,'),
    "entry.json is not of format 2": lambda folder: (folder / "entry.json").write_text('{"format": 1}'),
    "entry.json does not say what it was built for": lambda folder: (folder / "entry.json").write_text('{"format": 2}'),
    "entry.json names no files": lambda folder: (folder / "entry.json").write_text(
        json.dumps({"format": 2, "key": dataclasses.asdict(KEY), "notes": {}})
    ),
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
