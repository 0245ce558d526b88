"""PASCAL VOC 2012: everyday photographs with masks of twenty kinds of object."""

from pathlib import Path

from training.data.readers.class_names import split_names
from training.data.readers.files import Part, check_root, choose, pair
from training.data.readers.palettes import coloured
from training.data.readers.pixels import label_code
from training.data.readers.sets import LabelledFiles, LabelledSet

VOC_NAMES = split_names(
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)


class VOC2012(LabelledSet):
    """One list of PASCAL VOC 2012; labels are 0..20 (0 background), the outlines void.

        ROOT/JPEGImages/YEAR_NUMBER.jpg
        ROOT/SegmentationClass/YEAR_NUMBER.png                  palette images, 255 void
        ROOT/ImageSets/Segmentation/{train,val,trainval}.txt    one name a line

    ROOT is VOCdevkit/VOC2012, or a folder that holds it. From host.robots.ox.ac.uk/pascal/VOC; the photographs are
    Flickr's, under its terms of use.
    Raises FileNotFoundError for a missing root, list, image or label, ValueError for an empty list.
    """

    classes = coloured(VOC_NAMES)
    code = label_code(21)

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        base = _base(root)
        labels = {"labels": Part(base / "SegmentationClass", suffixes=(".png",))}
        listed = _names(base / "ImageSets" / "Segmentation" / f"{split}.txt")
        images = Part(base / "JPEGImages", suffixes=(".jpg", ".png"), only=frozenset(listed))
        rows, missing = pair(images, labels, strict)
        found = {file.key for file, _ in rows} | set(missing)
        absent = [name for name in listed if name not in found]
        if absent and strict:
            raise FileNotFoundError(
                f"{base / 'JPEGImages'}: {len(absent)} of {len(listed)} frames listed in {split}.txt are not here, "
                f"the first is {absent[0]}"
            )
        super().__init__([LabelledFiles(f.key, f.path, others["labels"]) for f, others in rows], (*missing, *absent))

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The lists that the root has."""
        return sorted(path.stem for path in (_base(root) / "ImageSets" / "Segmentation").glob("*.txt"))


def _base(root: Path) -> Path:
    inner = (root / "VOCdevkit" / "VOC2012", root / "VOC2012")
    return next((path for path in inner if path.is_dir()), root)


def _names(path: Path) -> list[str]:
    names = path.read_text().split()
    if not names:
        raise ValueError(f"{path}: holds no names; expected one a line")
    return names
