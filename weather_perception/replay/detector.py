"""Runs a user's own model on original and restored frames, and reports what the restoration changes for it.

`--detector MODULE:FACTORY` names a function without arguments that returns the model: a function from a frame, uint8
RGB [H, W, 3], to either

    class ids                      an integer array [H, W], as a segmenter gives them
    {"boxes", "scores", "labels"}  boxes [N, 4] as x1, y1, x2, y2 in pixels, scores [N], class ids or names [N]

The ids are named by the model's attribute `names`, a list, if it has one.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from weather_perception.core.contract import Image
from weather_perception.core.scores import confusion
from weather_perception.replay.frames import VOID, ReplayError
from weather_perception.replay.scores import LabelNames, added, ious, mean

SAME_OBJECT_IOU = 0.5

Model = Callable[[Image], Any]


@dataclass(frozen=True)
class Boxes:
    """The objects in one frame: boxes as x1, y1, x2, y2, scores, names of classes."""

    boxes_N4: NDArray[np.float64]
    scores_N: NDArray[np.float64]
    names: tuple[str, ...]


Found = Boxes | NDArray[np.uint8]


class Detector:
    """A user's own model. Raises ReplayError for one that cannot be found, fails, or returns something else."""

    def __init__(self, name: str) -> None:
        """`name` is MODULE:FACTORY; the module is looked for in the working folder too."""
        self.name = name
        module, colon, factory = name.partition(":")
        if not colon or not module or not factory:
            raise ReplayError(f"--detector {name}: expected MODULE:FACTORY, as in my_models:detector")
        self._model: Model = self._guarded(lambda: _imported(module, factory)(), "cannot be made")
        if not callable(self._model):
            raise ReplayError(f"--detector {name}: the factory returned {type(self._model).__name__}, not a function")
        self._last: tuple[int, Found] | None = None
        self.names: tuple[str, ...] | None = tuple(map(str, getattr(self._model, "names", ()))) or None

    def find(self, image_HW3: Image) -> Found:
        """What the model sees in a frame."""
        found = self._guarded(lambda: self._model(image_HW3.copy()), "failed on a frame")
        if isinstance(found, dict):
            return self._boxes(found)
        labels_HW = np.asarray(found)
        if labels_HW.shape != image_HW3.shape[:2] or labels_HW.dtype.kind not in "iu":
            raise ReplayError(
                f"--detector {self.name}: returned {labels_HW.dtype} {list(labels_HW.shape)} for a frame of "
                f"{list(image_HW3.shape)}; return class ids [H, W], or a dictionary of boxes, scores and labels"
            )
        return np.where((labels_HW >= 0) & (labels_HW < VOID), labels_HW, VOID).astype(np.uint8)

    def find_once(self, place: int, image_HW3: Image) -> Found:
        """As `find`, for the original frame at `place`, which is the same for every model that is compared."""
        if self._last is None or self._last[0] != place:
            self._last = (place, self.find(image_HW3))
        return self._last[1]

    def name_of(self, label: Any) -> str:
        """The name of a class id; a name is its own."""
        if isinstance(label, str):
            return label
        known = self.names is not None and 0 <= int(label) < len(self.names)
        return self.names[int(label)] if known and self.names is not None else str(int(label))

    def _boxes(self, found: dict[str, Any]) -> Boxes:
        missing = [key for key in ("boxes", "scores", "labels") if key not in found]
        if missing:
            raise ReplayError(f"--detector {self.name}: the dictionary it returned lacks {', '.join(missing)}")
        boxes_N4 = np.asarray(found["boxes"], np.float64).reshape(-1, 4)
        scores_N, labels = np.asarray(found["scores"], np.float64), list(found["labels"])
        if not len(boxes_N4) == len(scores_N) == len(labels):
            counts = f"{len(boxes_N4)} boxes, {len(scores_N)} scores, {len(labels)} labels"
            raise ReplayError(f"--detector {self.name}: returned {counts}")
        return Boxes(boxes_N4, scores_N, tuple(self.name_of(label) for label in labels))

    def _guarded(self, act: Callable[[], Any], what: str) -> Any:
        try:
            return act()
        except ReplayError:
            raise
        except Exception as error:  # whatever a user's own code raises
            raise ReplayError(f"--detector {self.name}: {what}: {type(error).__name__}: {error}") from error


@dataclass
class _Totals:
    count: int = 0
    score: float = 0.0
    by_class: Counter[str] = field(default_factory=Counter)
    counts_CC: Tensor | None = None

    def as_dict(self, boxes: bool, miou: float | None) -> dict[str, Any]:
        total = sum(self.by_class.values())
        shares = {name: count if boxes else count / total for name, count in sorted(self.by_class.items())}
        return {
            "count": self.count if boxes else None,
            "mean_score": self.score / self.count if boxes and self.count else None,
            "by_class": shares,
            "miou": miou,
        }


class DetectorScores:
    """What a detector made of a camera's original and restored frames."""

    def __init__(self, detector: Detector, truth_names: Sequence[str]) -> None:
        """`truth_names`: the classes of the ground-truth labels that `add` gets."""
        self._detector = detector
        self._labels = LabelNames(detector.names, tuple(truth_names)) if detector.names else None
        self._totals = {"input": _Totals(), "restored": _Totals()}
        self._frames = 0
        self._same, self._of = 0.0, 0.0
        self._boxes = True

    def look(self, place: int, input_HW3: Image, restored_HW3: Image, truth_HW: NDArray[np.uint8] | None) -> None:
        """Run the detector on the frame at `place` and on its restored image."""
        self.add(self._detector.find_once(place, input_HW3), self._detector.find(restored_HW3), truth_HW)

    def add(self, given: Found, restored: Found, truth_HW: NDArray[np.uint8] | None) -> None:
        """Count what was found in a frame and in its restored image; `truth_HW` are true class ids."""
        if isinstance(given, Boxes) != isinstance(restored, Boxes):
            raise ReplayError(f"--detector {self._detector.name}: returned boxes for one frame, class ids for another")
        self._frames += 1
        self._boxes = isinstance(given, Boxes)
        for totals, found in zip(self._totals.values(), (given, restored), strict=True):
            self._count(totals, found, truth_HW)
        if isinstance(given, Boxes) and isinstance(restored, Boxes):
            self._same += 2 * partners(given, restored)
            self._of += len(given.names) + len(restored.names)
        elif not isinstance(given, Boxes) and not isinstance(restored, Boxes):
            self._same += float((given == restored).sum())
            self._of += given.size

    def as_dict(self) -> dict[str, Any] | None:
        """As metrics.json has it; None if no frame was seen."""
        if not self._frames:
            return None
        return {
            "name": self._detector.name,
            "kind": "boxes" if self._boxes else "labels",
            "frames": self._frames,
            "agreement": self._same / self._of if self._of else None,
        } | {key: totals.as_dict(self._boxes, self._miou(totals)) for key, totals in self._totals.items()}

    def _count(self, totals: _Totals, found: Found, truth_HW: NDArray[np.uint8] | None) -> None:
        if isinstance(found, Boxes):
            totals.count += len(found.names)
            totals.score += float(found.scores_N.sum())
            totals.by_class.update(found.names)
            return
        ids, pixels = np.unique(found, return_counts=True)
        totals.by_class.update({self._detector.name_of(i): int(n) for i, n in zip(ids, pixels, strict=True)})
        if truth_HW is not None and self._labels is not None:
            counts_CC = confusion(found, self._labels.lookup[truth_HW], len(self._labels.model), VOID)
            totals.counts_CC = added(totals.counts_CC, counts_CC)

    def _miou(self, totals: _Totals) -> float | None:
        return None if self._labels is None else mean(ious(totals.counts_CC, self._labels))


def partners(given: Boxes, restored: Boxes) -> int:
    """The number of objects that are in both: same class, boxes that overlap by SAME_OBJECT_IOU, the best first."""
    iou_NM = _iou(given.boxes_N4, restored.boxes_N4)
    same_NM = np.array(given.names, object)[:, None] == np.array(restored.names, object)[None]
    iou_NM = np.where(same_NM, iou_NM, 0.0)
    count = 0
    while iou_NM.size and iou_NM.max() >= SAME_OBJECT_IOU:
        row, column = np.unravel_index(int(iou_NM.argmax()), iou_NM.shape)
        iou_NM[row, :] = iou_NM[:, column] = 0.0
        count += 1
    return count


def _iou(a_N4: NDArray[np.float64], b_M4: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.maximum(a_N4[:, None, :2], b_M4[None, :, :2])
    high = np.minimum(a_N4[:, None, 2:], b_M4[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a_N4, b_M4)]
    union = areas[0][:, None] + areas[1][None] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def _imported(module: str, factory: str) -> Callable[[], Any]:
    """The factory; the working folder is searched first, as with `python -m`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = importlib.import_module(module)
    if not hasattr(found, factory):
        raise ReplayError(f"--detector {module}:{factory}: {module} has no {factory}")
    made: Callable[[], Any] = getattr(found, factory)
    return made
