"""Cityscapes: street frames of 50 cities with fine labels, and depth from stereo."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, VOID
from training.data.readers.files import Part, check_root, choose, find, pair, subfolders
from training.data.readers.pixels import Pixels, label_code
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.sample import SKY_DEPTH, assumed_depth
from training.data.source import Source
from weather_perception.core.contract import SemanticClass

CITYSCAPES_CLASSES = (
    SemanticClass("road", (128, 64, 128)),
    SemanticClass("sidewalk", (244, 35, 232)),
    SemanticClass("building", (70, 70, 70)),
    SemanticClass("wall", (102, 102, 156)),
    SemanticClass("fence", (190, 153, 153)),
    SemanticClass("pole", (153, 153, 153)),
    SemanticClass("traffic light", (250, 170, 30)),
    SemanticClass("traffic sign", (220, 220, 0)),
    SemanticClass("vegetation", (107, 142, 35)),
    SemanticClass("terrain", (152, 251, 152)),
    SemanticClass("sky", (70, 130, 180)),
    SemanticClass("person", (220, 20, 60)),
    SemanticClass("rider", (255, 0, 0)),
    SemanticClass("car", (0, 0, 142)),
    SemanticClass("truck", (0, 0, 70)),
    SemanticClass("bus", (0, 60, 100)),
    SemanticClass("train", (0, 80, 100)),
    SemanticClass("motorcycle", (0, 0, 230)),
    SemanticClass("bicycle", (119, 11, 32)),
)

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Values of CITYSCAPES_CLASSES in `_labelIds` files, in order; all other values are void."""

TRAIN_ID_CODE = label_code(19)
LABEL_ID_CODE = label_code(
    {value: index for index, value in enumerate(LABEL_IDS)}, (*(v for v in range(34) if v not in LABEL_IDS), VOID)
)

STREET_NAMES = (
    *("road", "pavement", "building", "building", "fence", "pole", "sign", "sign", "tree", None, "sky", "pedestrian"),
    *("bicyclist", "car", "car", "car", "car", "bicyclist", "bicyclist"),
)
"""The project's street class of each of CITYSCAPES_CLASSES, merged as CamVid merges its own; terrain has none."""

TO_STREET = np.full(256, VOID, np.uint8)
"""Table from Cityscapes' train ids to the project's street classes: `TO_STREET[labels_HW]`."""
TO_STREET[: len(STREET_NAMES)] = [VOID if name is None else CLASS_ID[name] for name in STREET_NAMES]

LARGE = 512
"""Rows from which on an assumed depth is coarse: at Cityscapes' 1024, the full size takes 110 ms."""

FRAME_STEM = r"(.+_\d+_\d+)_{}"
SKY = next(index for index, c in enumerate(CITYSCAPES_CLASSES) if c.name == "sky")


def label_part(folder: Path, kind: str = "gtFine", frame_stem: str = FRAME_STEM) -> Part:
    """The label files below a folder: those with train ids, else those with label ids."""
    train_ids = Part(folder, frame_stem.format(f"{kind}_labelTrainIds"), deep=True, suffixes=(".png",))
    label_ids = Part(folder, frame_stem.format(f"{kind}_labelIds"), deep=True, suffixes=(".png",))
    return train_ids if find(train_ids) or not find(label_ids) else label_ids


def label_file_code(path: Path) -> NDArray[np.int16]:
    """The table of a label file, by its name."""
    return LABEL_ID_CODE if path.stem.endswith("_labelIds") else TRAIN_ID_CODE


def stereo_depth(disparity_path: Path, camera_path: Path) -> NDArray[np.float32]:
    """Depth = baseline * focal / disparity, float32 [H, W] metres, NaN at pixels without a stereo match.

    A 16-bit value p is a disparity of (p - 1) / 256 pixels, and 0 is no match. Depth ends at SKY_DEPTH. Raises
    ValueError for files of another form.
    """
    raw_HW = cv2.imread(str(disparity_path), cv2.IMREAD_UNCHANGED)
    if raw_HW is None or raw_HW.dtype != np.uint16 or raw_HW.ndim != 2:
        raise ValueError(f"{disparity_path}: expected a 16-bit image of one channel; copy the file again")
    try:
        camera = json.loads(camera_path.read_text())
        baseline_focal = float(camera["extrinsic"]["baseline"]) * float(camera["intrinsic"]["fx"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{camera_path}: expected JSON with extrinsic.baseline and intrinsic.fx") from error
    disparity_HW = np.maximum((raw_HW.astype(np.float32) - 1) / 256, baseline_focal / SKY_DEPTH)
    return np.where(raw_HW == 0, np.float32(np.nan), np.float32(baseline_focal) / disparity_HW).astype(np.float32)


class Cityscapes(LabelledSet):
    """One split of Cityscapes; labels are train ids 0..18.

        ROOT/leftImg8bit/{train,val,test}/CITY/CITY_SEQ_FRAME_leftImg8bit.png
        ROOT/gtFine/{train,val,test}/CITY/CITY_SEQ_FRAME_gtFine_labelTrainIds.png, else _labelIds.png
        ROOT/disparity/{train,val,test}/CITY/CITY_SEQ_FRAME_disparity.png       16 bit, optional
        ROOT/camera/{train,val,test}/CITY/CITY_SEQ_FRAME_camera.json            optional

    The test split's labels are all void: the authors withhold them. Depth is `stereo_depth` if the frame has both
    files, and `assumed_depth` for all other frames and pixels. Download, after registration: cityscapes-dataset.com.
    Raises FileNotFoundError for a missing root, split or label, ValueError for a split without frames.
    """

    source = Source("Cityscapes", "Cityscapes' own, non-commercial use only", "Cordts et al., CVPR 2016", "research")
    classes = CITYSCAPES_CLASSES
    code_of = staticmethod(label_file_code)

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        self._root = check_root(root)
        choose(self._root, "split", split, self.splits(self._root))
        frames = Part(self._root / "leftImg8bit" / split, FRAME_STEM.format("leftImg8bit"), deep=True)
        rows, missing = pair(frames, {"labels": label_part(self._root / "gtFine" / split)}, strict)
        super().__init__([LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows], missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        return subfolders(root / "leftImg8bit") if (root / "gtFine").is_dir() else []

    def depth(self, index: int, image_HW3: Pixels, labels_HW: Pixels) -> NDArray[np.float32]:
        """Depth of the frame at `index`, float32 [H, W] metres."""
        depth_HW = coarsely_assumed_depth(labels_HW)
        measured_HW = measured_depth(self._root, self.files[index].image, depth_HW.shape)
        if measured_HW is not None:
            depth_HW = np.where(np.isnan(measured_HW), depth_HW, measured_HW)
            depth_HW[labels_HW == SKY] = SKY_DEPTH
        return depth_HW


def coarsely_assumed_depth(labels_HW: Pixels) -> NDArray[np.float32]:
    """`assumed_depth` of train ids, float32 [H, W] metres; large frames' is made at a quarter of the size."""
    if labels_HW.shape[0] < LARGE:
        return assumed_depth(TO_STREET[labels_HW])
    size = (labels_HW.shape[1], labels_HW.shape[0])
    small = (size[0] // 4, size[1] // 4)
    small_hw = cv2.resize(labels_HW, small, interpolation=cv2.INTER_NEAREST)
    depth_HW = cv2.resize(assumed_depth(TO_STREET[small_hw]), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(depth_HW, np.float32)


def measured_depth(root: Path, image: Path, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """`stereo_depth` of the frame `image`, below `root`/leftImg8bit; None unless it has disparity and camera.

    Raises ValueError if it is not of `shape` (rows, columns), and as `stereo_depth`.
    """
    name = image.stem.removesuffix("_leftImg8bit")
    folder = image.parent.relative_to(root / "leftImg8bit")
    disparity, camera = (
        root / kind / folder / f"{name}_{kind}{suffix}" for kind, suffix in (("disparity", ".png"), ("camera", ".json"))
    )
    if not (disparity.is_file() and camera.is_file()):
        return None
    depth_HW = stereo_depth(disparity, camera)
    if depth_HW.shape != shape:
        raise ValueError(f"{disparity}: its size {depth_HW.shape} differs from {shape} of its frame")
    return depth_HW
