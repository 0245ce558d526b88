"""CelebAMask-HQ: portraits with masks of the parts of the face."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.readers.files import Part, check_root, choose, find
from training.data.readers.photographs import coloured
from training.data.readers.pixels import Pixels
from training.data.readers.sets import LabelledFiles, LabelledSet, resize_to
from training.data.source import Source

PARTS = (
    *("skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r", "nose", "mouth", "u_lip"),
    *("l_lip", "neck", "neck_l", "cloth", "hair", "hat"),
)
"""The parts in merging order, later over earlier; part n has label n + 1, background 0."""

SIDES = tuple((1 + PARTS.index(f"l_{part}"), 1 + PARTS.index(f"r_{part}")) for part in ("brow", "eye", "ear"))
"""Labels of the parts that a face has on both sides; `l_lip` is the lower lip, `ear_r` the ring of an ear."""

PER_FOLDER = 2000
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
BOUNDS = {"train": (0, 162_771), "val": (162_771, 182_638), "test": (182_638, 202_600)}
"""CelebA's own splits, as ranges of its image numbers: the first, and the first beyond the last."""


class CelebAMaskHQ(LabelledSet):
    """CelebAMask-HQ; labels 0..18 are background and the PARTS, merged in their order. Images have the masks' size.

        ROOT/CelebA-HQ-img/{0..29999}.jpg                                   1024 x 1024
        ROOT/CelebAMask-HQ-mask-anno/{0..14}/{00000..29999}_PART.png        512 x 512, a file for each visible part
        ROOT/CelebA-HQ-to-CelebA-mapping.txt                                for the splits

    The split is `all`, or with the mapping CelebA's own `train`, `val` or `test`. Download:
    github.com/switchablenorms/CelebAMask-HQ.
    Raises FileNotFoundError for a missing root or split or an image without any part, ValueError for no frames.
    """

    source = Source("CelebAMask-HQ", "non-commercial research only", "Lee, Liu, Wu, Luo, CVPR 2020", "research")
    classes = coloured(("background", *PARTS))
    sides = SIDES
    one_size = False

    def __init__(self, root: Path | str, split: str = "all", strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        images = sorted(find(Part(root / "CelebA-HQ-img", r"(\d+)")), key=lambda file: int(file.key))
        if split != "all":
            wanted = _of_split(root / MAPPING, split)
            images = [file for file in images if int(file.key) in wanted]
        if not images:
            raise ValueError(f"{root / 'CelebA-HQ-img'}: holds no frames of split {split}; expected 0.jpg and so on")
        annotations = root / "CelebAMask-HQ-mask-anno"
        self._parts = _part_files(annotations)
        lone = [file.key for file in images if int(file.key) not in self._parts]
        if lone and strict:
            raise FileNotFoundError(
                f"{annotations}: {len(lone)} of {len(images)} frames have no part here, the first is {lone[0]}"
            )
        whole = [file for file in images if int(file.key) in self._parts]
        super().__init__([LabelledFiles(f.key, f.path, annotations) for f in whole], lone)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        if not ((root / "CelebA-HQ-img").is_dir() and (root / "CelebAMask-HQ-mask-anno").is_dir()):
            return []
        return ["all", *(BOUNDS if (root / MAPPING).is_file() else ())]

    def labels(self, index: int) -> Pixels:
        """The merged labels at `index`, uint8 [H, W]. Raises ValueError if parts differ in size."""
        parts = self.parts_of(index)
        labels_HW: Pixels | None = None
        for number, part in enumerate(PARTS, 1):
            if part not in parts:
                continue
            mask_HW = _read_mask(parts[part])
            labels_HW = np.zeros(mask_HW.shape, np.uint8) if labels_HW is None else labels_HW
            if mask_HW.shape != labels_HW.shape:
                raise ValueError(
                    f"{parts[part]}: its size {mask_HW.shape} differs from the other parts' {labels_HW.shape}"
                )
            labels_HW[mask_HW] = number
        assert labels_HW is not None
        return labels_HW

    def parts_of(self, index: int) -> dict[str, Path]:
        """The mask files of the frame at `index`, by part."""
        return self._parts[int(self.names[index])]

    def _fit(self, image_HW3: Pixels, labels_HW: Pixels) -> Pixels:
        return resize_to(image_HW3, (labels_HW.shape[0], labels_HW.shape[1]))


def _part_files(annotations: Path) -> dict[int, dict[str, Path]]:
    """The mask files by image number and part."""
    found: dict[int, dict[str, Path]] = {}
    for file in find(Part(annotations, rf"(\d+)_({'|'.join(PARTS)})", deep=True, suffixes=(".png",))):
        found.setdefault(int(file.key), {})[file.groups[1] or ""] = file.path
    return found


def _read_mask(path: Path) -> NDArray[np.bool_]:
    try:
        with Image.open(path) as image:
            return np.asarray(np.asarray(image.convert("L")) >= 128)
    except OSError as error:
        raise ValueError(f"{path}: not a readable image; copy the file again") from error


def _of_split(mapping: Path, split: str) -> set[int]:
    """Numbers of the split's images; a line of the mapping is: number, number in CelebA, file in CelebA."""
    low, high = BOUNDS[split]
    rows = (line.split() for line in mapping.read_text().splitlines()[1:] if line.strip())
    return {int(row[0]) for row in rows if low <= int(row[1]) < high}
