"""The Chiba streets of the Road Damage Dataset: dash-camera stills, with maps that two networks made."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, CLASSES, VOID
from training.data.readers.files import Part, check_root, choose, pair
from training.data.readers.pixels import Pixels, check_same_size, label_code, read_labels
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.sample import assumed_depth
from training.data.source import Source

ROAD, OBJECTS = "teacher_road", "teacher_objects"

ROAD_CODE = label_code({1: CLASS_ID["road"], 2: CLASS_ID["pavement"], 3: CLASS_ID["road"]}, void=(0,))
"""Road, kerb and road marking."""

OBJECT_CODE = label_code(
    {
        **dict.fromkeys(range(21), VOID),
        **dict.fromkeys((6, 7), CLASS_ID["car"]),
        15: CLASS_ID["pedestrian"],
        **dict.fromkeys((2, 14), CLASS_ID["bicyclist"]),
    }
)
"""PASCAL VOC's bus and car, person, bicycle and motorbike; all other classes are void."""

UNSEEN_DAY = "20170913"
"""Day of the stills in the split `unseen`, kept for judging; the split `train` has the other days."""


class Chiba(LabelledSet):
    """One split of the stills; labels are the project's street classes as networks see them, not a human's.

        ROOT/images/Chiba_YYYYMMDDhhmmss.webp or .jpg
        ROOT/teacher_road/NAME.png          0 other, 1 road, 2 kerb, 3 road marking
        ROOT/teacher_objects/NAME.png       PASCAL VOC's 21 classes

    Objects cover the road, and everything else is void. The splits are `all`, and `train` and `unseen` by UNSEEN_DAY.
    The depth is `assumed_depth` of the labels. Download of the stills: github.com/sekilab/RoadDamageDetector.
    Raises FileNotFoundError for a missing root, split or map, ValueError for a split without frames.
    """

    source = Source(
        "Road Damage Dataset, Chiba",
        "CC BY-SA 4.0",
        "Maeda, Sekimoto, Seto, Kashiyama, Omata 2018; labels by networks under Apache-2.0",
        "any",
    )
    classes = CLASSES
    settled = (CLASS_ID["road"],)

    def __init__(self, root: Path | str, split: str = "all", strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        maps = {name: Part(root / name, suffixes=(".png",)) for name in (ROAD, OBJECTS)}
        rows, missing = pair(Part(root / "images", r"(Chiba_\d{14})"), maps, strict)
        chosen = [row for row in rows if split == "all" or (_day(row.file.key) == UNSEEN_DAY) == (split == "unseen")]
        if not chosen:
            raise ValueError(f"{root / 'images'}: holds no frames of split {split}; day {UNSEEN_DAY} divides them")
        super().__init__([LabelledFiles(file.key, file.path, others[ROAD]) for file, others in chosen], missing)
        self._objects = [others[OBJECTS] for _, others in chosen]

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        whole = all((root / name).is_dir() for name in ("images", ROAD, OBJECTS))
        return ["all", "train", "unseen"] if whole else []

    def labels(self, index: int) -> Pixels:
        """The merged labels at `index`, uint8 [H, W]. Raises ValueError if the two maps differ in size."""
        road, objects = self.files[index].labels, self._objects[index]
        road_HW, objects_HW = read_labels(road, ROAD_CODE), read_labels(objects, OBJECT_CODE)
        check_same_size(road_HW, objects_HW, road, objects)
        return np.where(objects_HW == VOID, road_HW, objects_HW)

    def depth(self, index: int, image_HW3: Pixels, labels_HW: Pixels) -> NDArray[np.float32]:
        """`assumed_depth` of the labels, float32 [H, W] metres."""
        return assumed_depth(labels_HW)


def _day(name: str) -> str:
    return name.removeprefix("Chiba_")[:8]
