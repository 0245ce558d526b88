"""Judges what a model makes of degraded frames: restored images and refined masks, beside what there was before.

No training run uses these frames. Paper A's measures (section 4.1): PSNR and SSIM of images; PA, mPA, mIoU and FWIoU of
masks. Shape suffixes: B batch, H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.degradations import LEVELS, Degrade, degrade
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.metrics import MaskScores
from training.judging.released import mask_scores, ssim_grey
from weather_perception.core.scores import psnr, ssim, summarise_psnr

Perceive = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""uint8 [B, H, W, 3] -> original and refined class ids [B, H, W], and the restored image, uint8 [B, H, W, 3]."""

Frame = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""The degraded and the clear image, uint8 [H, W, 3], and the true class ids, uint8 [H, W]."""


@dataclass
class Released:
    """The same frames as the authors' released scripts of paper A score them, a row a frame."""

    ssim_degraded: list[float] = field(default_factory=list)
    ssim_restored: list[float] = field(default_factory=list)
    original: list[dict[str, float]] = field(default_factory=list)
    refined: list[dict[str, float]] = field(default_factory=list)

    def add(self, frame: "Planes") -> None:
        """Add a frame; one without a labelled pixel has no scores of masks."""
        self.ssim_degraded.append(ssim_grey(frame.degraded, frame.clear))
        self.ssim_restored.append(ssim_grey(frame.restored, frame.clear))
        if frame.labelled:
            self.original.append(mask_scores(frame.original[0], frame.truth[0]))
            self.refined.append(mask_scores(frame.refined[0], frame.truth[0]))

    def result(self) -> dict[str, Any]:
        """Means over the frames: `ssim_degraded`, `ssim_restored`, and the masks' scores `original` and `refined`."""
        ssims = {"ssim_degraded": self.ssim_degraded, "ssim_restored": self.ssim_restored}
        masks = {"original": self.original, "refined": self.refined}
        means: dict[str, Any] = {name: round(float(np.mean(values)), 4) for name, values in ssims.items()}
        return means | {
            name: {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
            for name, rows in masks.items()
            if rows
        }


class Planes(NamedTuple):
    """One frame and the answers to it: images uint8 [1, H, W, 3], class ids [1, H, W]."""

    degraded: Tensor
    clear: Tensor
    restored: Tensor
    original: Tensor
    refined: Tensor
    truth: Tensor
    void: int

    @property
    def labelled(self) -> bool:
        """Whether any pixel has a true class."""
        return bool((self.truth != self.void).any())


@dataclass
class Judged:
    """The scores of a set of frames: PSNR (dB) and SSIM one for each frame, and masks as they accumulate.

    `levels`: those of the frames of each level; empty if the frames have none. `released` scores only if it is asked
    for.
    """

    original: MaskScores
    refined: MaskScores
    released: Released | None = None
    psnr_degraded: list[float] = field(default_factory=list)
    psnr_restored: list[float] = field(default_factory=list)
    ssim_degraded: list[float] = field(default_factory=list)
    ssim_restored: list[float] = field(default_factory=list)
    levels: dict[str, "Judged"] = field(default_factory=dict)

    def add(self, frame: Planes) -> None:
        """Add a frame, without its level."""
        self.original.add(frame.original, frame.truth)
        self.refined.add(frame.refined, frame.truth)
        self.psnr_degraded.append(psnr(frame.degraded, frame.clear))
        self.psnr_restored.append(psnr(frame.restored, frame.clear))
        self.ssim_degraded.append(ssim(frame.degraded, frame.clear))
        self.ssim_restored.append(ssim(frame.restored, frame.clear))
        if self.released:
            self.released.add(frame)

    @property
    def frames(self) -> int:
        """How many frames were judged."""
        return len(self.psnr_degraded)

    def image_means(self) -> dict[str, float]:
        """Mean PSNR (dB) and SSIM of the degraded and of the restored frames.

        `identical` counts the restored frames that equal the clear ones. Identical frames have no part in a mean PSNR,
        which is PSNR_CEILING_DB if all are identical.
        """
        psnrs = {name: summarise_psnr(getattr(self, name)) for name in ("psnr_degraded", "psnr_restored")}
        means = {name: summary.db for name, summary in psnrs.items()}
        means |= {name: float(np.mean(getattr(self, name))) for name in ("ssim_degraded", "ssim_restored")}
        identical = {"identical": psnrs["psnr_restored"].identical}
        return identical | {name: round(mean, 4) for name, mean in means.items()}

    def result(self) -> dict[str, Any]:
        """`frames`, `image_means`, and under `original` and `refined` the masks' scores over the `set` and per `image`.

        A set without a labelled pixel has no scores of masks. `released` and `levels` are there if they were asked for.
        """
        masks = {"original": self.original, "refined": self.refined}
        found: dict[str, Any] = {"frames": self.frames} | self.image_means()
        found |= {name: _mask_scores(scores) for name, scores in masks.items() if scores.images}
        if self.released:
            found["released"] = self.released.result()
        if self.levels:
            found["levels"] = {name: judged.result() for name, judged in self.levels.items()}
        return found


def _mask_scores(masks: MaskScores) -> dict[str, dict[str, float]]:
    """Both averages, rounded."""
    both = {"set": masks.set_scores(), "image": masks.image_scores()}
    return {kind: {name: round(value, 4) for name, value in scores.items()} for kind, scores in both.items()}


@torch.inference_mode()
def judge(
    perceive: Perceive,
    frames: Iterable[Frame],
    classes: int,
    void: int,
    levels: Sequence[str] = (),
    released: bool = False,
) -> Judged:
    """Let a model perceive every degraded frame, one by one, and score the answers on the CPU.

    `classes` and `void` are those of the true class ids; `levels` names each frame's level, to score every level by
    itself, too. Raises ValueError if there are no frames, or not as many as levels.
    """

    def empty() -> Judged:
        return Judged(MaskScores(classes, void), MaskScores(classes, void), Released() if released else None)

    judged = empty()
    for index, planes in enumerate(frames):
        degraded, clear, truth = (torch.from_numpy(plane)[None] for plane in planes)
        original, refined, restored = (answer.cpu() for answer in perceive(degraded))
        frame = Planes(degraded, clear, restored, original, refined, truth, void)
        judged.add(frame)
        if levels:
            judged.levels.setdefault(levels[index], empty()).add(frame)
    if not judged.frames:
        raise ValueError("judge: there are no frames; give at least one")
    if levels and len(levels) != judged.frames:
        raise ValueError(f"judge: {judged.frames} frames, but the levels of {len(levels)}; give one for each frame")
    return judged


CAMVID_UNSEEN_DRIVES = ("0016E5",)
SEVERITIES = (0.4, 0.6, 0.8)
"""Severities of degradations with a severity from 0 to 1; degradations with levels take all their levels."""


def unseen_frames(drives: int) -> Iterator[Sample]:
    """Three frames of each of `drives` procedural drives."""
    for seed in range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + drives):
        drive = Drive(seed)
        yield from (drive.render(time) for time in (5.0, 15.0, 25.0))


def unseen_camvid_frames(root: str, stride: int) -> Iterator[Sample]:
    """Every `stride`-th frame of CamVid's validation drive; raises FileNotFoundError and ValueError as CamVid does."""
    camvid = CamVid(root, "val", CAMVID_UNSEEN_DRIVES)
    yield from (camvid[index] for index in range(0, len(camvid), stride))


def severities_of(name: str) -> tuple[float, ...]:
    """The severities that judge a degradation: all its levels, or else SEVERITIES."""
    return tuple(range(1, LEVELS[name] + 1)) if name in LEVELS else SEVERITIES


def degraded_frames(samples: Iterable[Sample], name: str, degrade: Degrade = degrade) -> Iterator[Frame]:
    """Every sample with a degradation, at its severities in turn; the seed is the sample's number."""
    severities = severities_of(name)
    for index, sample in enumerate(samples):
        image = degrade(sample, name, severities[index % len(severities)], index)
        yield image, sample.image_HW3, sample.labels_HW
