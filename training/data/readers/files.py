"""Finds a data set's files and pairs them by the shared part of their names."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from weather_perception.core.pictures import SUFFIXES, is_picture

IMAGE_SUFFIXES = SUFFIXES


@dataclass(frozen=True)
class Part:
    """One kind of file of a set: the images, their labels, their clear partners ...

    `folder` holds the files; `deep` includes its subfolders. `stem` is a regular expression that the whole name without
    suffix must match; its first group is the key that partners share. Other names and suffixes are ignored, and
    other keys than `only`, if given.
    """

    folder: Path
    stem: str = "(.+)"
    deep: bool = False
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES
    only: frozenset[str] | None = None


class File(NamedTuple):
    """A file, the key it shares with its partners, and all groups of its name."""

    key: str
    path: Path
    groups: tuple[str | None, ...]


class Partnered(NamedTuple):
    """A file with its partners by kind."""

    file: File
    partners: dict[str, Path]


class Pairing(NamedTuple):
    """The files with their partners, in order of path, and the names of those left out because a partner is missing."""

    rows: tuple[Partnered, ...]
    missing: tuple[str, ...]


def find(part: Part) -> list[File]:
    """The part's files in order of path. Raises FileNotFoundError if its folder is missing."""
    if not part.folder.is_dir():
        raise FileNotFoundError(f"{part.folder}: no such folder")
    pattern = re.compile(part.stem)
    listing = part.folder.rglob("*") if part.deep else part.folder.iterdir()
    paths = sorted(tqdm(listing, f"listing {part.folder.name}", unit="file", delay=2, leave=False))
    matches = ((path, pattern.fullmatch(path.stem)) for path in paths if is_picture(path, part.suffixes))
    files = [File(match[1], path, match.groups()) for path, match in matches if match]
    return files if part.only is None else [file for file in files if file.key in part.only]


def find_unique(part: Part) -> dict[str, Path]:
    """The part's files by key. Raises ValueError if two files have the same key."""
    found: dict[str, Path] = {}
    for file in find(part):
        if file.key in found:
            raise ValueError(f"{file.path}: the same name as {found[file.key].name}; remove one of the two")
        found[file.key] = file.path
    return found


def pair(first: Part, partners: Mapping[str, Part], strict: bool = True, both_ways: bool = False) -> Pairing:
    """Every file of `first` with the file of the same key of each other part; many may share one partner.

    Raises ValueError if `first` has no files, and FileNotFoundError if a file has no partner; without `strict`, the
    result leaves such files out and names them. `both_ways` requires a file of `first` for every partner, too.
    """
    files = find(first)
    others = {kind: find_unique(part) for kind, part in partners.items()}
    if not files:
        raise ValueError(f"{first.folder}: holds no frames; expected {_expected(first)}")
    lone: list[str] = []
    for kind, found in others.items():
        lone += _check((f for f in files if f.key not in found), len(files), f"no {kind}", partners[kind], strict)
        if both_ways:
            keys = {file.key for file in files}
            unused = (File(key, path, ()) for key, path in found.items() if key not in keys)
            lone += _check(unused, len(found), "no image", first, strict)
    rows = [Partnered(f, {kind: found[f.key] for kind, found in others.items() if f.key in found}) for f in files]
    whole = tuple(row for row in rows if len(row.partners) == len(others))
    if not whole:
        raise ValueError(f"{first.folder}: none of its {len(files)} frames has all of {', '.join(others)}")
    return Pairing(whole, tuple(dict.fromkeys(lone)))


def subfolders(folder: Path) -> list[str]:
    """Names of the folder's subfolders in order; none if it does not exist."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # Path.iterdir would query the disk once more for every file
        return sorted(entry.name for entry in entries if entry.is_dir())


def check_root(root: Path | str) -> Path:
    """The root as a Path. Raises FileNotFoundError if it is no folder."""
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; give the folder of the unpacked data set")
    return root


def choose(root: Path, kind: str, wanted: str, known: Sequence[str]) -> str:
    """`wanted`, if it is known; else raises FileNotFoundError that lists the known ones."""
    if wanted not in known:
        there_are = ", ".join(known) or "none (docs/datasets.md shows the expected folders)"
        raise FileNotFoundError(f"{root}: no {kind} {wanted!r}; there are {there_are}")
    return wanted


def _check(lone: Iterable[File], total: int, lack: str, part: Part, strict: bool) -> list[str]:
    lone = list(lone)
    if lone and strict:
        raise FileNotFoundError(
            f"{part.folder}: {len(lone)} of {total} frames have {lack} here, the first is {lone[0].path.stem}"
        )
    return [file.path.stem for file in lone]


def _expected(part: Part) -> str:
    stem = "*" if part.stem == "(.+)" else f"names like {part.stem}"
    return f"{stem} with one of the suffixes {', '.join(part.suffixes)}{' in subfolders' if part.deep else ''}"
