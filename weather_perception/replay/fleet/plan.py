"""Decides what is to be evaluated: the recordings of a folder or list, each with its vehicle and route."""

import argparse
import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weather_perception.core.pictures import is_picture, natural
from weather_perception.replay.bagfiles.find import METADATA, is_bag_file
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.pattern import PARTS
from weather_perception.replay.frames import ReplayError

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp")
"""In a folder; a list may name any file."""


@dataclass(frozen=True)
class Planned:
    """A recording: its name within the fleet, its path, and where it was made; None if that is not known."""

    name: str
    path: Path
    vehicle: str | None = None
    route: str | None = None


def plan(arguments: argparse.Namespace) -> tuple[list[Planned], list[str]]:
    """The recordings in a fixed order, and what a person should know about the names of vehicles and routes.

    Raises ReplayError if there is no recording, or the list or manifest cannot be read.
    """
    given: Path = arguments.given
    if not given.exists():
        raise ReplayError(f"{given}: no such file or folder; give a folder, a list or a manifest", ExitCode.UNREADABLE)
    manifest = arguments.manifest
    if given.is_dir():
        paths = {path.relative_to(given).as_posix(): path.absolute() for path in _below(given, arguments.out)}
        paths = {given.absolute().name if name == "." else name: path for name, path in paths.items()}
    elif given.suffix.lower() == ".csv":
        manifest = manifest or given
        paths = _listed(_rows(given, given.parent))
    else:
        paths = _listed(_lines(given))
    if not paths:
        raise ReplayError(f"{given}: no recordings in it: no bag, video or folder of pictures", ExitCode.EMPTY)
    if manifest is not None:
        return _by_manifest(paths, manifest, _rows(manifest, given if given.is_dir() else manifest.parent))
    return _by_pattern(paths, arguments)


def _below(folder: Path, out: Path) -> Iterator[Path]:
    """The recordings below a folder, links followed once; a bag file without metadata.yaml is one of its own."""
    seen = {os.path.realpath(out)}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen.add(real)
        if (here / METADATA).is_file():
            yield here
            continue
        entries = sorted(here.iterdir(), key=natural)
        files = [path for path in entries if is_bag_file(path) or _is_video(path)]
        yield from files
        if not files and (any(map(is_picture, entries)) or _has_pictures(here / "images")):
            yield here
            continue
        waiting += [path for path in reversed(entries) if path.is_dir() and not path.name.startswith(".")]


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS and not path.name.startswith(".") and path.is_file()


def _has_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(map(is_picture, folder.iterdir()))


def _lines(path: Path) -> list[Path]:
    if is_bag_file(path) or _is_video(path):
        raise ReplayError(f"{path}: this is one recording; give a folder or a list, or evaluate it with `replay`")
    lines = (line.strip() for line in _text(path).splitlines())
    return [_absolute(line, path.parent) for line in lines if line and not line.startswith("#")]


def _rows(path: Path, base: Path) -> dict[Path, dict[str, str]]:
    """The rows of a manifest by the recording's path. Raises ReplayError without a column bag, or with a path twice."""
    rows = csv.DictReader(_text(path).splitlines(), skipinitialspace=True)
    if "bag" not in (rows.fieldnames or ()):
        columns = ", ".join(rows.fieldnames or ()) or "none"
        raise ReplayError(f"{path}: no column bag; its columns are {columns}, needed are bag, vehicle, route")
    found: dict[Path, dict[str, str]] = {}
    for row in rows:
        if not row["bag"]:
            raise ReplayError(f"{path}, line {rows.line_num}: no path in the column bag")
        key = _absolute(row["bag"].strip(), base)
        if key in found:
            raise ReplayError(f"{path}, line {rows.line_num}: {row['bag']} is there a second time; leave one out")
        found[key] = row
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReplayError(f"{path}: cannot be read as a text file ({error})", ExitCode.UNREADABLE) from error


def _absolute(text: str, base: Path) -> Path:
    return Path(os.path.abspath(base / text))


def _listed(paths: "list[Path] | Mapping[Path, object]") -> dict[str, Path]:
    """Listed recordings by name: the whole path, so that it stays the same when the list changes."""
    return {path.as_posix().lstrip("/"): path for path in paths}


def _by_manifest(
    paths: Mapping[str, Path], manifest: Path, rows: Mapping[Path, Mapping[str, str]]
) -> tuple[list[Planned], list[str]]:
    def of(path: Path, column: str) -> str | None:
        return (rows.get(path, {}).get(column) or "").strip() or None

    found = [Planned(name, path, of(path, "vehicle"), of(path, "route")) for name, path in paths.items()]
    known = {Path(os.path.abspath(path)) for path in paths.values()}
    missing = [str(path) for path in rows if path not in known]
    unnamed = [name for name, path in paths.items() if path not in rows]
    return found, [
        *_note(missing, f"rows of {manifest} name no recording that was found"),
        *_note(unnamed, f"recordings without a row in {manifest}"),
    ]


def _by_pattern(paths: Mapping[str, Path], arguments: argparse.Namespace) -> tuple[list[Planned], list[str]]:
    if arguments.pattern is None:
        return [Planned(name, path) for name, path in paths.items()], []
    found, unnamed = [], []
    for name, path in paths.items():
        match = arguments.pattern.fullmatch(name)
        if match is None:
            unnamed.append(name)
        parts = match.groupdict() if match else {}
        found.append(Planned(name, path, *(parts.get(part) for part in PARTS)))
    return found, _note(unnamed, "recordings that do not fit --pattern")


def _note(names: list[str], what: str) -> list[str]:
    return [f"{what}: {len(names)}, such as {names[0]}"] if names else []
