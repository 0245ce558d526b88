"""PandaSet: street frames of six cameras, with classes and depth of the lidar's returns."""

import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, CLASSES, VOID
from training.data.lidar_depth import complete_depth
from training.data.readers.files import Part, check_root, choose, pair
from training.data.readers.pixels import Pixels, check_same_size, label_code
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.source import Source

STREET_CLASSES: Mapping[str, tuple[str, ...]] = {
    "building": ("Building",),
    "road": ("Road", "Lane Line Marking", "Stop Line Marking", "Other Road Marking"),
    "pavement": ("Sidewalk",),
    "tree": ("Vegetation",),
    "sign": ("Signs", "Construction Signs"),
    "fence": ("Road Barriers", "Temporary Construction Barriers"),
    "car": (
        *("Car", "Pickup Truck", "Medium-sized Truck", "Semi-truck", "Towed Object", "Emergency Vehicle", "Bus"),
        *("Other Vehicle - Construction Vehicle", "Other Vehicle - Uncommon", "Train", "Trolley", "Tram / Subway"),
    ),
    "pedestrian": ("Pedestrian", "Pedestrian with Object"),
    "bicyclist": (
        *("Bicycle", "Motorcycle", "Motorized Scooter", "Personal Mobility Device", "Other Vehicle - Pedicab"),
    ),
}
"""PandaSet's classes of each of the project's; all others are void: poles are among its other static objects."""

UNSEEN_CAMERAS = ("back", "left")
UNSEEN_TIMES = range(56, 80)
"""Cameras and times of the split `unseen`, kept for judging; the split `train` has neither."""

CLASSES_FILE = "classes.json"
SPLITS = ("all", "train", "unseen")
CENTIMETRE = 0.01


class PandaSet(LabelledSet):
    """One split of a scene of PandaSet, projected into the cameras; labels are the project's street classes.

        ROOT/images/CAMERA_NN.webp or .png      RGB; NN is the time in tenths of a second
        ROOT/labels/CAMERA_NN.png               uint8, the class of the lidar's return at a pixel, 0 if there is none
        ROOT/classes.json                       names of the classes by number
        ROOT/depth/CAMERA_NN.png                uint16, centimetres along the optical axis, 0 unknown

    Labels are void where no return is, so in the sky too, and at classes that are not in STREET_CLASSES. The depth is
    `complete_depth` of the returns; walls above the highest beam may become sky. An image without labels and depth is
    left out. The split `train` excludes UNSEEN_CAMERAS and UNSEEN_TIMES, `unseen` has only frames of both, `all` has
    every frame; `cameras` and `times` choose among these, and the attributes of the same names are each frame's.
    Download: pandaset.org, projected by the user.
    Raises FileNotFoundError for a missing root, split, file or camera, ValueError for no frames or an
    unreadable classes.json.
    """

    source = Source("PandaSet", "CC BY 4.0", "Hesai and Scale AI", "any")
    classes = CLASSES

    def __init__(
        self,
        root: Path | str,
        split: str = "all",
        cameras: Sequence[str] | None = None,
        times: Container[int] | None = None,
        strict: bool = True,
    ) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        stem = r"([a-z_]+_\d+)"
        partners = {
            "image": Part(root / "images", stem, suffixes=(".webp", ".png")),
            "depth": Part(root / "depth", stem, suffixes=(".png",)),
        }
        rows, missing = pair(Part(root / "labels", stem, suffixes=(".png",)), partners, strict)
        known = sorted({_camera(file.key) for file, _ in rows})
        wanted = set(known) if cameras is None else {choose(root, "camera", camera, known) for camera in cameras}
        chosen = [
            (file, others)
            for file, others in rows
            if _in_split(file.key, split)
            and _camera(file.key) in wanted
            and (times is None or _time(file.key) in times)
        ]
        if not chosen:
            raise ValueError(f"{root}: no frame of split {split}, cameras {', '.join(wanted)} and the times asked for")
        super().__init__([LabelledFiles(file.key, others["image"], file.path) for file, others in chosen], missing)
        self.cameras = tuple(_camera(name) for name in self.names)
        self.times = tuple(_time(name) for name in self.names)
        self.code = _code(root / CLASSES_FILE)
        self._depths = [others["depth"] for _, others in chosen]

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        whole = (root / CLASSES_FILE).is_file() and all(
            (root / name).is_dir() for name in ("images", "labels", "depth")
        )
        return list(SPLITS) if whole else []

    def depth(self, index: int, image_HW3: Pixels, labels_HW: Pixels) -> NDArray[np.float32]:
        """Depth of the frame at `index`, float32 [H, W] metres. Raises ValueError for an unreadable depth file."""
        path = self._depths[index]
        measured_HW = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if measured_HW is None or measured_HW.dtype != np.uint16 or measured_HW.ndim != 2:
            raise ValueError(f"{path}: not a readable 16-bit image of centimetres; copy the file again")
        check_same_size(image_HW3, np.asarray(measured_HW), self.files[index].image, path)
        return complete_depth(measured_HW.astype(np.float32) * np.float32(CENTIMETRE), image_HW3)


def _code(path: Path) -> NDArray[np.int16]:
    """The table of the label files, from the names of their classes."""
    try:
        numbers = {str(name): int(number) for number, name in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path}: expected JSON of class names by number") from error
    streets = {name: CLASS_ID[street] for street, names in STREET_CLASSES.items() for name in names}
    ids = {number: streets.get(name, VOID) for name, number in numbers.items()}
    return label_code(ids, void=(0,))


def _in_split(name: str, split: str) -> bool:
    unseen_camera, unseen_time = _camera(name) in UNSEEN_CAMERAS, _time(name) in UNSEEN_TIMES
    return {"all": True, "train": not (unseen_camera or unseen_time), "unseen": unseen_camera and unseen_time}[split]


def _camera(name: str) -> str:
    return name.rsplit("_", 1)[0]


def _time(name: str) -> int:
    return int(name.rsplit("_", 1)[1])
