"""Photographs without labels, in a folder of any origin."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from training.data.classes import CLASSES, VOID
from training.data.readers.files import Part, check_root, choose, find, subfolders
from training.data.readers.pixels import Pixels, image_size
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.source import Source

HERE, IMAGES = ".", "images"


class Stills(LabelledSet):
    """The photographs of a folder: every label is void, the depth that of an empty street.

        ROOT/*.jpg, or ROOT/images/*.jpg (any suffix of IMAGE_SUFFIXES), and no other folder

    SPLIT is `.` or `images`. The caller states the `source`, as a folder of pictures names no licence; without one, it
    is that of an unknown owner. Names that match a shell pattern in `leave_out` are not read: a folder may hold
    pictures of other owners, or masks. `strict` changes nothing, as no photograph has a partner.
    Raises FileNotFoundError for a missing root or split, ValueError for no photograph.
    """

    source = Source("photographs in a folder of your own", "not stated")
    classes = CLASSES

    def __init__(
        self,
        root: Path | str,
        split: str | None = None,
        source: Source | None = None,
        leave_out: Sequence[str] = (),
        strict: bool = True,
    ) -> None:
        root = check_root(root)
        known = self.splits(root)
        folder = root / choose(root, "split", split or (known or [HERE])[0], known)
        files = [file for file in find(Part(folder)) if not any(fnmatch(file.key, pattern) for pattern in leave_out)]
        if not files:
            raise ValueError(f"{folder}: holds no photograph, or `leave_out` names them all")
        super().__init__([LabelledFiles(file.key, file.path, file.path) for file in files])
        unknown = self.source._replace(name=f"the photographs in the folder {root.resolve().name}")
        self.source = unknown if source is None else source

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The split of the root; none if it has folders besides `images`, or no picture."""
        folders = subfolders(root)
        if folders not in ([], [IMAGES]) or (folders and subfolders(root / IMAGES)):
            return []
        split = IMAGES if folders else HERE
        return [split] if find(Part(root / split)) else []

    def labels(self, index: int) -> Pixels:
        """No labels: VOID everywhere, uint8 [H, W]."""
        return np.full(image_size(self.files[index].image), VOID, np.uint8)


class Lund(Stills):
    """OpenSfM's example photographs of streets in Lund and Berlin, without their masks: see Stills."""

    source = Source("OpenSfM's photographs of Lund and Berlin", "BSD-2-Clause", "Mapillary", "any")

    def __init__(self, root: Path | str) -> None:
        super().__init__(root, source=self.source, leave_out=("*mask*",))


class Udacity(Stills):
    """Frames of a Californian highway from Udacity's lessons, without one of KITTI's among them: see Stills."""

    source = Source("frames of Udacity's self-driving lessons", "MIT", "Udacity", "any")

    def __init__(self, root: Path | str) -> None:
        super().__init__(root, source=self.source, leave_out=("*Vehicle-Detection*000275*",))
