"""Degraded copies of data sets on disk: each picture seeded by its own name, and a manifest of how it was made."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from training.data import degradations
from training.data.degradations import DEGRADATIONS
from training.data.degradations.arguments import Image, Map
from training.data.degradations.reflections import REFLECTIONS
from training.data.sample import SKY_DEPTH, ground_plane_depth

MANIFEST = "degradation.json"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

KEPT_FOLDERS = (
    *("labels", "gt", "GT", "target", "depth"),
    *("gtFine", "gtCoarse", "disparity", "camera"),
    *("annotations", "Annotations", "SegmentationClass", "SegmentationObject", "CelebAMask-HQ-mask-anno"),
)
"""Folders of the public data sets that hold labels, depth or clear partners: copied as they are."""

DEPTH_UNIT = 256.0
"""Depth maps are uint16 PNG of metres times this; 0 is unknown, DEPTH_SKY and above the sky."""
DEPTH_SKY = 65535


@dataclass(frozen=True)
class CopySettings:
    """How every picture is made; each takes one of `severities`, drawn from its name and the seed.

    depth: folder of depth maps that mirrors the source (else the ground-plane prior); reflections: folder of pictures
    to reflect, for the reflections only. Raises ValueError for an unknown degradation, a severity that it does not
    take, or a folder that is missing or of no use.
    """

    degradation: str
    severities: tuple[float, ...]
    seed: int
    depth: Path | None = None
    reflections: Path | None = None
    kept_folders: tuple[str, ...] = KEPT_FOLDERS

    def __post_init__(self) -> None:
        if self.degradation not in DEGRADATIONS:
            raise ValueError(f"degradation: {self.degradation!r} is unknown; choose one of {', '.join(DEGRADATIONS)}")
        if not self.severities:
            raise ValueError("severity: none given; give one or more")
        for severity in self.severities:
            DEGRADATIONS[self.degradation](
                np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.float32), severity, self.seed
            )
        if self.reflections and self.degradation not in REFLECTIONS:
            raise ValueError(f"reflections: {self.degradation} takes none; only {', '.join(REFLECTIONS)} do")
        if self.reflections and not _images(self.reflections):
            raise ValueError(f"{self.reflections}: holds no pictures to reflect")
        if self.depth and not self.depth.is_dir():
            raise ValueError(f"{self.depth}: no such folder of depth maps")


class Job(NamedTuple):
    """One file to write; `source` and `target` are relative to the two roots, equal where it is copied as it is."""

    source: Path
    target: Path
    degraded: bool


class CopyOutcome(NamedTuple):
    """How many files were written and how many were there already; what is wrong with each bad picture."""

    written: int
    present: int
    bad: list[str]


def write_copy(source: Path, out: Path, recipe: CopySettings, command: str, force: bool = False) -> CopyOutcome:
    """Write the degraded copy of the tree `source` into `out`, or what is missing of it, and its manifest.

    Pictures become PNG; other files, and whatever lies in one of `kept_folders`, are copied. A picture that cannot be
    read is named in the outcome and left out. `command` goes into the manifest. Raises ValueError where the source
    holds no pictures or lies within `out` (or the other way round), and FileExistsError where `out` was made by
    another recipe and `force` is not set, or is no such copy at all.
    """
    if source.resolve().is_relative_to(out.resolve()) or out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{out}: source and copy must lie outside each other, but the source is {source}")
    jobs = plan(source, recipe.kept_folders)
    _prepare(out, _manifest(source, recipe, command), force)
    layers = _images(recipe.reflections) if recipe.reflections else []
    written, present, bad = 0, 0, []
    for job in tqdm(jobs, desc=recipe.degradation, unit="file"):
        if (out / job.target).exists():
            present += 1
            continue
        try:
            data = _degraded_png(source, job, recipe, layers) if job.degraded else (source / job.source).read_bytes()
        except (ValueError, cv2.error) as error:
            bad.append(f"{source / job.source}: {error}")
            tqdm.write(bad[-1])
            continue
        _write(out / job.target, data)
        written += 1
    return CopyOutcome(written, present, bad)


def plan(source: Path, kept_folders: Sequence[str] = KEPT_FOLDERS) -> list[Job]:
    """Every file of the tree but hidden ones, sorted by name.

    Raises FileNotFoundError for a missing tree, ValueError where it holds no picture to degrade or where two would
    become one file.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder")
    jobs: list[Job] = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = path.relative_to(source)
        if any(part.startswith(".") for part in relative.parts):
            continue
        degraded = path.suffix.lower() in IMAGE_SUFFIXES and not set(relative.parts[:-1]) & set(kept_folders)
        jobs.append(Job(relative, relative.with_suffix(".png") if degraded else relative, degraded))
    if not any(job.degraded for job in jobs):
        raise ValueError(f"{source}: no picture ({', '.join(IMAGE_SUFFIXES)}) outside {', '.join(kept_folders)}")
    first: dict[Path, Path] = {}
    for job in jobs:
        if first.setdefault(job.target, job.source) != job.source:
            raise ValueError(
                f"{source}: {first[job.target]} and {job.source} would both become {job.target}; rename one"
            )
    return jobs


def seed_of(seed: int, name: str) -> int:
    """A seed for one picture, from 0 to 2^64, out of the run's seed and the picture's file name without suffix."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def _degraded_png(source: Path, job: Job, recipe: CopySettings, layers: Sequence[Path]) -> bytes:
    name = job.source.stem
    image_HW3 = _read_image(source / job.source)
    depth_HW = _depth(recipe.depth / job.target if recipe.depth else None, image_HW3)
    severity = recipe.severities[seed_of(recipe.seed, f"{name}/severity") % len(recipe.severities)]
    seed = seed_of(recipe.seed, name)
    if layers:
        layer_HW3 = _read_image(layers[seed_of(recipe.seed, f"{name}/layer") % len(layers)])
        result_HW3 = REFLECTIONS[recipe.degradation](image_HW3, depth_HW, severity, seed, layer_HW3)
    else:
        result_HW3 = DEGRADATIONS[recipe.degradation](image_HW3, depth_HW, severity, seed)
    return cv2.imencode(".png", result_HW3[:, :, ::-1])[1].tobytes()


def _read_image(path: Path) -> Image:
    # The orientation tag is ignored, as it is by everything that made labels for the stored pixels.
    image_HW3 = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if image_HW3 is None:
        raise ValueError(f"{path.name} is not a readable picture; copy the file again")
    return np.asarray(image_HW3, np.uint8)


def _depth(path: Path | None, image_HW3: Image) -> Map:
    """The depth map at `path` with the ground-plane prior where it is unknown, or the prior alone; [H, W] metres."""
    prior_HW = ground_plane_depth(*image_HW3.shape[:2])
    if path is None:
        return prior_HW
    stored_HW = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored_HW is None:
        raise ValueError(f"no readable depth map at {path}")
    if stored_HW.dtype != np.uint16 or stored_HW.shape != prior_HW.shape:
        raise ValueError(
            f"{path}: expected uint16 {list(prior_HW.shape)}, found {stored_HW.dtype} {list(stored_HW.shape)}"
        )
    metres_HW = np.where(stored_HW >= DEPTH_SKY, SKY_DEPTH, stored_HW / DEPTH_UNIT)
    return np.where(stored_HW == 0, prior_HW, metres_HW).astype(np.float32)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _manifest(source: Path, recipe: CopySettings, command: str) -> dict[str, Any]:
    """`recipe` is all that the pixels depend on; two copies with the same one can be merged."""
    code = hashlib.sha256()
    for path in sorted(Path(degradations.__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    made_of = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(recipe).items()}
    versions = {"numpy": np.__version__, "opencv": cv2.__version__, "degradations": code.hexdigest()[:16]}
    return {"schema": 1, "command": command, "recipe": {"source": str(source.resolve()), **made_of, **versions}}


def _prepare(out: Path, manifest: dict[str, Any], force: bool) -> None:
    """Make `out` ready to take the manifest's files: new, emptied by force, or as an equal run left it."""
    text = json.dumps(manifest, indent=2) + "\n"
    made_by = out / MANIFEST
    if out.exists() and not made_by.is_file() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is no degraded copy, so nothing is written there; choose another name")
    if made_by.is_file():
        old, new = json.loads(made_by.read_text()).get("recipe", {}), json.loads(text)["recipe"]
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        if not changed and not force:
            return
        if not force:
            what = "; ".join(f"{key} {old.get(key)!r}, now {new.get(key)!r}" for key in changed)
            raise FileExistsError(f"{out} was made otherwise ({what}); choose another name, or replace it with --force")
        shutil.rmtree(out)
    _write(made_by, text.encode())


def _write(path: Path, data: bytes) -> None:
    """All of the file or nothing: it takes its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
