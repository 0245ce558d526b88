"""CamVid, the public set of labelled street frames, read in the form of the SegNet tutorial.

    ROOT/{train,val,test}/images/*.webp or *.png    RGB
    ROOT/{train,val,test}/labels/*.png              uint8, 0..10 as in `training.data.classes`, 11 void

Consecutive names are consecutive frames of a few drives, named by the prefix before the underscore: split by drive.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, CLASSES, VOID
from training.data.sample import SKY_DEPTH, Sample, ground_plane_depth

IMAGE_SUFFIXES = (".webp", ".png")
CAMVID_VOID = len(CLASSES)

STRUCTURES = ("building", "tree", "fence", "pole", "sign")
OBJECTS = ("car", "pedestrian", "bicyclist")


class CamVid:
    """One split of CamVid as a sequence of Samples; frames are read when asked for.

    `names` are the frames' names without suffix, in order; `drives` is each frame's drive (0001TP of 0001TP_006690).
    Raises FileNotFoundError for a missing root, split, image or label, and ValueError for an empty split or an unknown
    drive; reading a frame raises ValueError when image and label do not fit.
    """

    def __init__(self, root: Path | str, split: str, drives: Sequence[str] | None = None) -> None:
        folder = Path(root) / split
        images = _files(folder / "images", IMAGE_SUFFIXES)
        labels = _files(folder / "labels", (".png",))
        _check_paired(folder, images, labels)
        names = sorted(images)
        if drives is not None:
            names = _of_drives(folder, names, drives)
        self.names = tuple(names)
        self.drives = tuple(_drive(name) for name in names)
        self._paths = [(images[name], labels[name]) for name in names]

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        """The frame at `index`, with the depth that `assumed_depth` gives it."""
        image_path, label_path = self._paths[index]
        image_HW3 = np.ascontiguousarray(_read(image_path, cv2.IMREAD_COLOR)[:, :, ::-1])
        labels_HW = _read_labels(label_path)
        if image_HW3.shape[:2] != labels_HW.shape:
            raise ValueError(
                f"{image_path}: its size {image_HW3.shape[:2]} differs from {labels_HW.shape} of {label_path}"
            )
        return Sample(image_HW3, labels_HW, assumed_depth(labels_HW))


def assumed_depth(labels_HW: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A plausible depth for labels without one, float32 [H, W] metres.

    The prior of `ground_plane_depth`, except that structures and objects stand upright where they meet the ground, and
    the sky lies at SKY_DEPTH. Outlines are softened, lest the weather laid over this depth trace the labels.
    """
    height, width = labels_HW.shape
    ground_HW = ground_plane_depth(height, width)
    structures_HW = np.isin(labels_HW, [CLASS_ID[name] for name in STRUCTURES])
    # Void in the upper half belongs to what stands there; below, it is a kerb or the bonnet.
    unnamed_above_HW = (labels_HW == VOID) & (np.arange(height)[:, None] < 0.5 * height)
    depth_HW = np.where(structures_HW | unnamed_above_HW, _foot_depth(structures_HW, ground_HW), ground_HW)
    for name in OBJECTS:
        _stand_upright(depth_HW, (labels_HW == CLASS_ID[name]).astype(np.uint8), ground_HW)
    sky_HW = labels_HW == CLASS_ID["sky"]
    depth_HW[sky_HW] = SKY_DEPTH
    depth_HW = 1 / cv2.GaussianBlur(1 / depth_HW, (0, 0), height / 180)
    depth_HW[sky_HW] = SKY_DEPTH
    return np.asarray(depth_HW, np.float32)


def _foot_depth(mask_HW: NDArray[np.bool_], ground_HW: NDArray[np.float32]) -> NDArray[np.float32]:
    """Depth of the ground at the lowest pixel of the mask in each column, float32 [1, W], smoothed along the row.

    A column without one takes the top row, hence the distance of walls and facade.
    """
    height, width = mask_HW.shape
    foot_W = np.where(mask_HW.any(axis=0), height - 1 - mask_HW[::-1].argmax(axis=0), 0)
    inverse_1W = 1 / ground_HW[foot_W, np.arange(width)][None, :]
    return np.asarray(1 / cv2.blur(inverse_1W, (1 + width // 12, 1)), np.float32)


def _stand_upright(depth_HW: NDArray[np.float32], mask_HW: NDArray[np.uint8], ground_HW: NDArray[np.float32]) -> None:
    """Give each connected part of the mask, in `depth_HW` itself, the depth of the ground under its lowest pixel."""
    count, parts_HW, boxes_P5, centres_P2 = cv2.connectedComponentsWithStats(mask_HW)
    for part in range(1, count):
        left, top, width, height, _ = boxes_P5[part]
        box = np.s_[top : top + height, left : left + width]
        depth_HW[box][parts_HW[box] == part] = ground_HW[top + height - 1, int(centres_P2[part, 0])]


def _files(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """The folder's files with one of `suffixes`, by name without suffix."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected ROOT/{{train,val,test}}/{{images,labels}}")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in suffixes}


def _check_paired(folder: Path, images: dict[str, Path], labels: dict[str, Path]) -> None:
    if not images and not labels:
        raise ValueError(f"{folder}: holds no frames; expected images/*.webp or *.png and labels/*.png")
    for kind, lone in (("label", images.keys() - labels.keys()), ("image", labels.keys() - images.keys())):
        if lone:
            raise FileNotFoundError(f"{folder}: {len(lone)} frames have no {kind}, the first is {min(lone)}")


def _of_drives(folder: Path, names: list[str], drives: Sequence[str]) -> list[str]:
    known = sorted({_drive(name) for name in names})
    unknown = sorted(set(drives) - set(known))
    if unknown or not drives:
        raise ValueError(f"{folder}: no drive {', '.join(unknown) or 'given'}; there are {', '.join(known)}")
    return [name for name in names if _drive(name) in drives]


def _drive(name: str) -> str:
    return name.split("_", 1)[0]


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        raise ValueError(f"{path}: not a readable image; copy the file again")
    return np.asarray(pixels, np.uint8)


def _read_labels(path: Path) -> NDArray[np.uint8]:
    labels_HW = _read(path, cv2.IMREAD_UNCHANGED)
    if labels_HW.ndim != 2:
        raise ValueError(f"{path}: expected one channel of class ids, found {labels_HW.shape[2]} channels")
    if labels_HW.max() > CAMVID_VOID:
        raise ValueError(f"{path}: label {labels_HW.max()} is out of range 0..{CAMVID_VOID} ({CAMVID_VOID} is void)")
    return np.where(labels_HW == CAMVID_VOID, VOID, labels_HW).astype(np.uint8)
