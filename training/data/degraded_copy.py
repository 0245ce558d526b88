"""Writes degraded copies of data sets: every picture seeded by its own name, and a manifest of the settings."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from training.data import degradations
from training.data.degradations import DEGRADATIONS
from training.data.degradations.arguments import Image, Map
from training.data.degradations.protocols import ADDITIVE, TEXT, check_protocol
from training.data.degradations.protocols import degradations as by_protocol
from training.data.degradations.reflections import REFLECTIONS
from training.data.readers.cityscapes import measured_depth
from training.data.readers.files import IMAGE_SUFFIXES
from training.data.readers.sets import resize_to
from training.data.sample import SKY_DEPTH, ground_plane_depth
from weather_perception.core.pictures import read_image

MANIFEST = "degradation.json"
PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, ".tif", ".tiff")

KEPT_FOLDERS = (
    *("labels", "gt", "GT", "target", "depth"),
    *("gtFine", "gtCoarse", "disparity", "camera"),
    *("annotations", "Annotations", "SegmentationClass", "SegmentationClassAug", "SegmentationObject"),
    *("CelebAMask-HQ-mask-anno",),
)
"""Folders of the public data sets with labels, depth or clear partners, to copy unchanged."""

OTHER_WEATHER = ("leftImg8bit_foggy*", "leftImg8bit_rain*")
"""Folders with the same frames in weather, which no copy holds."""

DEPTH_UNIT = 256.0
"""Depth maps are uint16 PNG in metres times this; 0 is unknown, DEPTH_SKY and above is the sky."""
DEPTH_SKY = 65535


@dataclass(frozen=True)
class CopySettings:
    """The settings of a copy; every picture draws one of `severities` by its name and the seed.

    depth: folder of depth maps that mirrors the source (else the ground-plane prior); reflections: folder of pictures
    to reflect, for the reflections only; size: rows and columns of the copies, the pictures' own if None; protocol and
    noise: those of paper A's text or of its released scripts. Raises ValueError for an unknown degradation, a severity
    or protocol that it does not take, a size below 1, or a missing or useless folder.
    """

    degradation: str
    severities: tuple[float, ...]
    seed: int
    depth: Path | None = None
    reflections: Path | None = None
    kept_folders: tuple[str, ...] = KEPT_FOLDERS
    size: tuple[int, int] | None = None
    protocol: str = TEXT
    noise: str = ADDITIVE

    def __post_init__(self) -> None:
        if self.degradation not in DEGRADATIONS:
            raise ValueError(f"degradation: {self.degradation!r} is unknown; choose one of {', '.join(DEGRADATIONS)}")
        check_protocol(self.degradation, self.protocol, self.noise)
        if not self.severities:
            raise ValueError("severity: none given; give one or more")
        for severity in self.severities:
            self.degrade(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.float32), severity, self.seed)
        if self.size and min(self.size) < 1:
            raise ValueError(f"size: {self.size} is no picture; give rows and columns of 1 or more")
        if self.reflections and self.degradation not in REFLECTIONS:
            raise ValueError(f"reflections: {self.degradation} takes none; only {', '.join(REFLECTIONS)} do")
        if self.reflections and not _images(self.reflections):
            raise ValueError(f"{self.reflections}: holds no pictures to reflect")
        if self.depth and not self.depth.is_dir():
            raise ValueError(f"{self.depth}: no such folder of depth maps")

    def degrade(self, image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
        """The image with the degradation, by the protocol; raises ValueError as `degradations.degrade`."""
        return by_protocol(self.protocol, self.noise)[self.degradation](image_HW3, depth_HW, severity, seed)


class Job(NamedTuple):
    """One file to write, a `degraded` one or an unchanged one; `source` and `target` are relative to the two roots."""

    source: Path
    target: Path
    degraded: bool


class CopyOutcome(NamedTuple):
    """The number of files written, the number already present, and the fault of each bad picture."""

    written: int
    present: int
    bad: list[str]


def write_copy(source: Path, out: Path, settings: CopySettings, command: str, force: bool = False) -> CopyOutcome:
    """Write the degraded copy of the tree `source` into `out`, or the missing rest of it, and its manifest.

    Pictures become PNG; other files, and all files in `kept_folders`, stay as they are. The outcome names unreadable
    pictures, which the copy leaves out. `command` goes into the manifest. Raises ValueError if the source holds no
    pictures or one of the two folders is inside the other, and FileExistsError if `out` is a copy with other settings
    and `force` is not set, or is no such copy at all.
    """
    if source.resolve().is_relative_to(out.resolve()) or out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{out}: neither source nor copy may be inside the other, but the source is {source}")
    jobs = plan(source, settings.kept_folders)
    _prepare(out, _manifest(source, settings, command), force)
    layers = _images(settings.reflections) if settings.reflections else []
    written, present, bad = 0, 0, []
    for job in tqdm(jobs, desc=settings.degradation, unit="file"):
        if (out / job.target).exists():
            present += 1
            continue
        try:
            data = _degraded_png(source, job, settings, layers) if job.degraded else (source / job.source).read_bytes()
        except (ValueError, cv2.error) as error:
            bad.append(f"{job.source}: {error}")
            tqdm.write(bad[-1])
            continue
        _write(out / job.target, data)
        written += 1
    return CopyOutcome(written, present, bad)


def plan(source: Path, kept_folders: Sequence[str] = KEPT_FOLDERS) -> list[Job]:
    """Every file of the tree except hidden ones and those in folders of OTHER_WEATHER, sorted by name.

    Raises FileNotFoundError for a missing tree, ValueError if it holds no picture to degrade or if two files would
    become one.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder")
    jobs: list[Job] = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = path.relative_to(source)
        if any(part.startswith(".") or is_other_weather(part) for part in relative.parts[:-1]) or path.name[0] == ".":
            continue
        degraded = path.suffix.lower() in PICTURE_SUFFIXES and not set(relative.parts[:-1]) & set(kept_folders)
        jobs.append(Job(relative, relative.with_suffix(".png") if degraded else relative, degraded))
    if not any(job.degraded for job in jobs):
        raise ValueError(f"{source}: no picture ({', '.join(PICTURE_SUFFIXES)}) outside {', '.join(kept_folders)}")
    first: dict[Path, Path] = {}
    for job in jobs:
        if first.setdefault(job.target, job.source) != job.source:
            raise ValueError(
                f"{source}: {first[job.target]} and {job.source} would both become {job.target}; rename one"
            )
    return jobs


def is_other_weather(folder: str) -> bool:
    """Whether a folder of this name holds frames of OTHER_WEATHER."""
    return any(fnmatch(folder, pattern) for pattern in OTHER_WEATHER)


def severity_of(severities: Sequence[float], seed: int, name: str) -> float:
    """The severity of one picture, by the run's seed and its file name without suffix."""
    return severities[seed_of(seed, f"{name}/severity") % len(severities)]


def seed_of(seed: int, name: str) -> int:
    """A seed for one picture, 0 to 2^64 - 1, from the run's seed and the picture's file name without suffix."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def _degraded_png(source: Path, job: Job, settings: CopySettings, layers: Sequence[Path]) -> bytes:
    name = job.source.stem
    image_HW3 = read_image(source / job.source)
    depth_HW = _depth(source, job, settings.depth, image_HW3)
    if settings.size:
        image_HW3, depth_HW = resized(image_HW3, depth_HW, settings.size)
    severity = severity_of(settings.severities, settings.seed, name)
    seed = seed_of(settings.seed, name)
    if layers:
        layer_HW3 = read_image(layers[seed_of(settings.seed, f"{name}/layer") % len(layers)])
        result_HW3 = REFLECTIONS[settings.degradation](image_HW3, depth_HW, severity, seed, layer_HW3)
    else:
        result_HW3 = settings.degrade(image_HW3, depth_HW, severity, seed)
    return cv2.imencode(".png", result_HW3[:, :, ::-1])[1].tobytes()


def resized(image_HW3: Image, depth_HW: Map, size: tuple[int, int]) -> tuple[Image, Map]:
    """A picture and its depth at `size` (rows, columns)."""
    depth = cv2.resize(depth_HW, size[::-1], interpolation=cv2.INTER_NEAREST)
    return resize_to(image_HW3, size), np.asarray(depth, np.float32)


def _depth(source: Path, job: Job, maps: Path | None, image_HW3: Image) -> Map:
    """The picture's depth, [H, W] metres: its map in `maps`, or the stereo of Cityscapes; else the ground-plane prior.

    The prior also fills the pixels that these leave unknown.
    """
    prior_HW = ground_plane_depth(*image_HW3.shape[:2])
    if maps is None:
        if job.source.parts[0] != "leftImg8bit":
            return prior_HW
        measured_HW = measured_depth(source, source / job.source, prior_HW.shape)
        return prior_HW if measured_HW is None else np.where(np.isnan(measured_HW), prior_HW, measured_HW)
    path = maps / job.target
    stored_HW = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored_HW is None:
        raise ValueError(f"{path}: no readable depth map")
    if stored_HW.dtype != np.uint16 or stored_HW.shape != prior_HW.shape:
        raise ValueError(
            f"{path}: expected uint16 {list(prior_HW.shape)}, found {stored_HW.dtype} {list(stored_HW.shape)}"
        )
    metres_HW = np.where(stored_HW >= DEPTH_SKY, SKY_DEPTH, stored_HW / DEPTH_UNIT)
    return np.where(stored_HW == 0, prior_HW, metres_HW).astype(np.float32)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)


def _manifest(source: Path, settings: CopySettings, command: str) -> dict[str, Any]:
    """The manifest; its `recipe` holds all that the pixels depend on, so copies with equal ones can be merged."""
    code = hashlib.sha256()
    for path in sorted(Path(degradations.__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    made_of = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(settings).items()}
    versions = {"numpy": np.__version__, "opencv": cv2.__version__, "degradations": code.hexdigest()[:16]}
    return {"schema": 1, "command": command, "recipe": {"source": str(source.resolve()), **made_of, **versions}}


def _prepare(out: Path, manifest: dict[str, Any], force: bool) -> None:
    """Prepare `out` for the manifest's files: new, emptied by `force`, or as an equal run left it."""
    text = json.dumps(manifest, indent=2) + "\n"
    record = out / MANIFEST
    if out.exists() and not record.is_file() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is no degraded copy; choose another name")
    if record.is_file():
        old, new = json.loads(record.read_text()).get("recipe", {}), json.loads(text)["recipe"]
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        if not changed and not force:
            return
        if not force:
            changes = "; ".join(f"{key} {old.get(key)!r}, now {new.get(key)!r}" for key in changed)
            raise FileExistsError(
                f"{out} is a copy with other settings ({changes}); choose another name, or replace it with --force"
            )
        shutil.rmtree(out)
    _write(record, text.encode())


def _write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing: it gets its name once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
