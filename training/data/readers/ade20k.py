"""ADE20K in the form of the MIT Scene Parsing Benchmark: scenes of every kind with 150 classes."""

from pathlib import Path

from training.data.readers.class_names import ADE20K_NAMES
from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.palettes import coloured
from training.data.readers.pixels import label_code
from training.data.readers.sets import LabelledFiles, LabelledSet


class ADE20K(LabelledSet):
    """One split of ADE20K's 150-class benchmark; labels are 0..149, the files' 1..150 less one, and 0 (other) is void.

        ROOT/images/{training,validation}/ADE_train_00000001.jpg
        ROOT/annotations/{training,validation}/ADE_train_00000001.png

    ROOT is ADEChallengeData2016, or the folder that holds it. From sceneparsing.csail.mit.edu (Zhou et al., CVPR 2017);
    annotations BSD 3-Clause, images for non-commercial research and education.
    Raises FileNotFoundError for a missing root, split or label, ValueError for a split without frames.
    """

    classes = coloured(ADE20K_NAMES, first=1)
    code = label_code({value: value - 1 for value in range(1, 151)}, void=(0,))

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        base = _base(root)
        labels = {"labels": Part(base / "annotations" / split, suffixes=(".png",))}
        rows, missing = pair(Part(base / "images" / split, suffixes=(".jpg", ".png")), labels, strict)
        super().__init__([LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows], missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits that the root has both images and annotations of."""
        base = _base(root)
        names = set(subfolders(base / "images")) & set(subfolders(base / "annotations"))
        return sorted(names & {"training", "validation"})


def _base(root: Path) -> Path:
    inner = root / "ADEChallengeData2016"
    return inner if inner.is_dir() else root
