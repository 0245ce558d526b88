"""COCO-Stuff: COCO's photographs with every pixel labelled, things and stuff."""

from pathlib import Path

from training.data.readers.class_names import COCO_STUFF_NAMES
from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.palettes import coloured
from training.data.readers.pixels import label_code
from training.data.readers.sets import LabelledFiles, LabelledSet

YEAR = "2017"


class COCOStuff(LabelledSet):
    """One split of COCO-Stuff; labels are 0..181, COCO's category numbers less one, of which eleven are never used.

        ROOT/images/{train,val}2017/000000000009.jpg
        ROOT/annotations/{train,val}2017/000000000009.png       255 void (stuffthingmaps_trainval2017.zip)

    From github.com/nightrome/cocostuff (Caesar, Uijlings, Ferrari, CVPR 2018); annotations CC BY 4.0, the photographs
    are Flickr's, under its terms of use.
    Raises FileNotFoundError for a missing root, split or label, ValueError for a split without frames.
    """

    classes = coloured(COCO_STUFF_NAMES, first=1)
    code = label_code(182)

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        labels = {"labels": Part(root / "annotations" / f"{split}{YEAR}", r"(\d+)", suffixes=(".png",))}
        rows, missing = pair(Part(root / "images" / f"{split}{YEAR}", suffixes=(".jpg", ".png")), labels, strict)
        super().__init__([LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows], missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits that the root has both images and annotations of."""
        both = set(subfolders(root / "images")) & set(subfolders(root / "annotations"))
        return sorted(name.removesuffix(YEAR) for name in both if name.endswith(YEAR))
