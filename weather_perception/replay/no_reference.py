"""Measures of a frame and its answer that need no ground truth: edges, contrast, noise, clipping, flicker, agreement.

None of them is a grade. Each says one thing about a picture, and is fooled in its own way; MEASURES says both in words.
Those of one picture are in core. Shape suffixes: H rows, W columns, 3 colours (RGB), 2 directions (x, y).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.no_reference import Plane, at_most, luma, measures, resized
from weather_perception.replay.pixels import opencv

FLOW_WIDTH = 320
NEIGHBOURS_NS = 500_000_000
"""Frames further apart than this are no neighbours: nothing is said of the change between them."""
UNCHANGED = 0.05
"""Grey levels; a restored image that differs less on average is the camera's to any eye."""


@dataclass(frozen=True)
class Measure:
    """A measure in words: what it is, how to read a change, and where it misleads. `more_is`: good, bad or neither.

    `unit` is that of a value times `scale`, shown with `digits` decimals.
    """

    key: str
    title: str
    unit: str
    more_is: str
    reading: str
    limits: str
    scale: float = 1.0
    digits: int = 2


MEASURES = (
    Measure(
        "edges",
        "Visible edges",
        "% of pixels",
        "good",
        "How much of the picture has a local contrast above 5 %, the least that a person sees. Fog hides edges; a good "
        "restoration brings them back.",
        "Amplified noise, rain streaks and flakes are edges too: read it beside the noise, and look at the pictures.",
        100.0,
        1,
    ),
    Measure(
        "contrast",
        "Contrast",
        "% of full scale",
        "neither",
        "The spread of brightness over the picture. A veil of fog flattens it.",
        "A dark tunnel mouth or a bright sky raises it, and so does too much contrast.",
        100.0,
        1,
    ),
    Measure(
        "noise",
        "Noise",
        "grey levels",
        "bad",
        "The grain of smooth areas. If it grows as much as the edges, the edges that were won are grain.",
        "Fine texture counts as noise, and compression hides it.",
    ),
    Measure(
        "clipped",
        "Lost in black or white",
        "% of pixels",
        "bad",
        "Pixels that are fully black or fully white, where no detail is left.",
        "Lamps, the sun and a night sky are so in reality.",
        100.0,
        1,
    ),
    Measure(
        "flicker",
        "Flicker",
        "grey levels",
        "bad",
        "What changes from one frame to the next after motion is taken out. Above the camera's own value the "
        "restoration adds flicker; below it removes rain, flakes or noise.",
        "Motion is estimated, so fast turns and occlusions count too, in both values alike.",
    ),
    Measure(
        "agreement",
        "Steadiness of the mask",
        "% of pixels",
        "good",
        "How much of the mask keeps its class from one frame to the next after motion is taken out.",
        "A mask that is wrong all the time is steady. Objects that appear and hide lower it rightly.",
        100.0,
        1,
    ),
    Measure(
        "change",
        "Change by the model",
        "grey levels",
        "neither",
        "The mean difference between the camera's frame and the restored one. A clear frame should stay near 0.",
        "It says how much was changed, not whether for the better.",
    ),
)


@dataclass(frozen=True)
class Pair:
    """One measure of a frame: of the camera's image, if it has one, and of the answer."""

    before: float | None
    after: float


Measured = dict[str, Pair]
"""By the keys of MEASURES; `flicker` and `agreement` only of a frame that follows another."""


@dataclass(frozen=True)
class _Seen:
    stamp_ns: int
    size: tuple[int, ...]
    luma_HW: Plane
    restored_HW: Plane
    labels_HW: Plane


class NoReference:
    """Measures frames in the order of their stamps; keeps the last one to compare the next with."""

    def __init__(self) -> None:
        cv2 = opencv()
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._last: _Seen | None = None

    def measure(self, stamp_ns: int, image_HW3: Image, restored_HW3: Image, labels_HW: Plane) -> Measured:
        """The measures of one frame and its answer, all of the same height and width."""
        before_HW, after_HW = (luma(picture_HW3) for picture_HW3 in (image_HW3, restored_HW3))
        before, after = (measures(plane_HW) for plane_HW in (before_HW, after_HW))
        found = {key: Pair(before[key], after[key]) for key in before} | {
            "change": Pair(None, float(opencv().absdiff(image_HW3, restored_HW3).mean())),
        }
        small_HW = at_most(before_HW, FLOW_WIDTH)
        few_HW = resized(labels_HW, small_HW.shape, smooth=False)
        seen = _Seen(stamp_ns, image_HW3.shape[:2], small_HW, at_most(after_HW, FLOW_WIDTH), few_HW)
        if self._last is not None and _neighbours(self._last, seen):
            found |= self._changes(self._last, seen)
        self._last = seen
        return found

    def _changes(self, last: _Seen, seen: _Seen) -> Measured:
        """Flicker, the warping error of Lai et al. (ECCV 2018), and the mask's agreement, along the input's motion."""
        map_HW2, inside_HW = self._motion(last.luma_HW, seen.luma_HW)
        if not inside_HW.any():
            return {}
        flicker = [
            float(opencv().absdiff(now_HW, _warped(then_HW, map_HW2))[inside_HW].mean())
            for then_HW, now_HW in ((last.luma_HW, seen.luma_HW), (last.restored_HW, seen.restored_HW))
        ]
        same_HW = seen.labels_HW == _warped(last.labels_HW, map_HW2, smooth=False)
        return {"flicker": Pair(*flicker), "agreement": Pair(None, float(same_HW[inside_HW].mean()))}

    def _motion(self, last_HW: Plane, now_HW: Plane) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where each pixel was in the last frame [H, W, 2], and whether that is inside the picture [H, W]."""
        height, width = now_HW.shape
        if min(height, width) < 16:  # too small for the library's patches: taken as still
            flow_HW2 = np.zeros((height, width, 2), np.float32)
        else:
            flow_HW2 = self._flow.calc(now_HW, last_HW, None)
        x_HW, y_HW = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        map_HW2 = flow_HW2 + np.stack([x_HW, y_HW], axis=2)
        x_HW, y_HW = map_HW2[..., 0], map_HW2[..., 1]
        return map_HW2, (x_HW >= 0) & (x_HW <= width - 1) & (y_HW >= 0) & (y_HW <= height - 1)


def _neighbours(last: _Seen, seen: _Seen) -> bool:
    return last.size == seen.size and 0 < seen.stamp_ns - last.stamp_ns <= NEIGHBOURS_NS


def _warped(plane_HW: Plane, map_HW2: NDArray[np.float32], smooth: bool = True) -> Plane:
    cv2 = opencv()
    interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    return np.asarray(cv2.remap(plane_HW, map_HW2, None, interpolation, borderMode=cv2.BORDER_REPLICATE))
