"""Judges what a model makes of degraded frames: restored images and refined masks, beside what there was before.

No training run uses these frames. Paper A's measures (section 4.1): PSNR and SSIM of images; PA, mPA, mIoU and FWIoU of
masks. Shape suffixes: B batch, H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.degradations import LEVELS, degrade
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.metrics import MaskScores
from weather_perception.core.scores import psnr, ssim, summarise_psnr

Perceive = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""uint8 [B, H, W, 3] -> original and refined class ids [B, H, W], and the restored image, uint8 [B, H, W, 3]."""

Frame = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""The degraded and the clear image, uint8 [H, W, 3], and the true class ids, uint8 [H, W]."""


@dataclass(frozen=True)
class Judged:
    """The scores of a set of frames: PSNR (dB) and SSIM one for each frame, and masks as they accumulate."""

    psnr_degraded: tuple[float, ...]
    psnr_restored: tuple[float, ...]
    ssim_degraded: tuple[float, ...]
    ssim_restored: tuple[float, ...]
    original: MaskScores
    refined: MaskScores

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

        A set without a labelled pixel has no scores of masks.
        """
        masks = {"original": self.original, "refined": self.refined}
        return {"frames": self.frames} | self.image_means() | {k: _mask_scores(v) for k, v in masks.items() if v.images}


def _mask_scores(masks: MaskScores) -> dict[str, dict[str, float]]:
    """Both averages, rounded."""
    both = {"set": masks.set_scores(), "image": masks.image_scores()}
    return {kind: {name: round(value, 4) for name, value in scores.items()} for kind, scores in both.items()}


@torch.inference_mode()
def judge(perceive: Perceive, frames: Iterable[Frame], classes: int, void: int) -> Judged:
    """Let a model perceive every degraded frame, one by one, and score the answers on the CPU.

    `classes` and `void` are those of the true class ids. Raises ValueError if there are no frames.
    """
    original, refined = MaskScores(classes, void), MaskScores(classes, void)
    images: list[tuple[float, float, float, float]] = []
    for planes in frames:
        degraded, clear, truth = (torch.from_numpy(plane)[None] for plane in planes)
        before, after, restored = (answer.cpu() for answer in perceive(degraded))
        original.add(before, truth)
        refined.add(after, truth)
        images.append((psnr(degraded, clear), psnr(restored, clear), ssim(degraded, clear), ssim(restored, clear)))
    if not images:
        raise ValueError("judge: there are no frames; give at least one")
    psnr_degraded, psnr_restored, ssim_degraded, ssim_restored = zip(*images, strict=True)
    return Judged(psnr_degraded, psnr_restored, ssim_degraded, ssim_restored, original, refined)


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


def degraded_frames(samples: Iterable[Sample], name: str) -> Iterator[Frame]:
    """Every sample with a degradation, at its severities in turn; the seed is the sample's number."""
    severities = range(1, LEVELS[name] + 1) if name in LEVELS else SEVERITIES
    for index, sample in enumerate(samples):
        image = degrade(sample, name, severities[index % len(severities)], index)
        yield image, sample.image_HW3, sample.labels_HW
