"""Names the pixels of a photograph with a segmenter that is slow but sure."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.classes import CLASSES, VOID
from training.data.readers.pixels import Pixels
from training.data.source import Source
from training.segmenters.find import find_segmenter

LEAST_CONFIDENCE = 0.7
"""Probability below which a pixel stays without label."""

COLUMNS = (640,)
"""Widths at which the segmenter sees the photograph; it sees each mirrored, too."""

STRIDE = 32


class Lessons(NamedTuple):
    """What a run learns from a teacher: the teacher, if there is one, its sources and the command that made it."""

    teach: "Teacher | None"
    sources: tuple[Source, ...] = ()
    command: str = ""


def lessons(name: str, device: torch.device) -> Lessons:
    """The lessons of the segmenter with this name, none without a name; raises the errors of `find_segmenter`."""
    if not name:
        return Lessons(None)
    found = find_segmenter(name, [semantic_class.name for semantic_class in CLASSES])
    return Lessons(Teacher(found.module, device), found.sources, found.command)


class Teacher:
    """Image, uint8 [H, W, 3] RGB, and impossible classes -> labels, uint8 [H, W], VOID where the segmenter is in doubt.

    The probabilities are means over the image, at the widths COLUMNS, and its mirror image.
    """

    def __init__(self, segmenter: nn.Module, device: torch.device) -> None:
        self._segmenter, self._device = segmenter.eval().to(device), device

    @torch.inference_mode()
    def __call__(self, image_HW3: Pixels, excluded: Sequence[int] = ()) -> Pixels:
        image = torch.from_numpy(image_HW3.copy()).to(self._device).permute(2, 0, 1)[None].float() / 255
        height, width = image.shape[2:]
        views = list(product(COLUMNS, (False, True)))
        total = torch.zeros((), device=self._device)
        for columns, mirrored in views:
            rows = max(STRIDE, round(columns * height / width / STRIDE) * STRIDE)
            total = total + _probabilities(self._segmenter, image, (rows, columns), mirrored)
        total[:, list(excluded)] = 0
        confidence, labels = (total[0] / total[0].sum(dim=0).clamp(min=1e-6)).max(dim=0)
        labels[confidence < LEAST_CONFIDENCE] = VOID
        return labels.to(torch.uint8).cpu().numpy()


def _probabilities(segmenter: nn.Module, image_1CHW: Tensor, size: tuple[int, int], mirrored: bool) -> Tensor:
    """Class probabilities [1, K, H, W] of the image seen at `size` (rows, columns)."""
    seen = F.interpolate(image_1CHW, size=size, mode="bilinear", align_corners=False, antialias=True)
    scores = segmenter(seen.flip(3) if mirrored else seen).softmax(dim=1)
    scores = scores.flip(3) if mirrored else scores
    return F.interpolate(scores, size=image_1CHW.shape[2:], mode="bilinear", align_corners=False)
