"""A checkpoint of paper C's network, MUIRF, ready to be judged and handed out with a segmenter for the mask.

A reconstruction: only the abstract of paper C is public.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from training.data.classes import CLASSES, VOID
from training.data.sample import Sample
from training.deployable import CardText, Deployable, provenance
from training.judging.judge import judge
from training.judging.unseen import degraded_frames
from training.loop.checkpoint import CheckpointError
from training.loop.record import joined
from training.recipes.paper_a.deployed import DeployedOriginal
from training.recipes.paper_c.deployed import DeployedMuirf
from training.segmenters.find import Original, find_segmenter
from training.segmenters.hugging_face import HuggingFaceSegmenter, OneSize
from training.segmenters.restore_checkpoint import restore_muirf

METHOD = "paper C: MUIRF, a reconstruction from its abstract"

CARD = CardText(
    trained_under="weather as its tasks name it",
    condition="weather",
    columns={
        "frames": "frames",
        "psnr_degraded": "PSNR in",
        "psnr_restored": "PSNR out",
        "ssim_degraded": "SSIM in",
        "ssim_restored": "SSIM out",
        "original.set.miou": "mIoU base",
        "refined.set.miou": "mIoU of the restored frame",
        "weather_accuracy": "weather right",
    },
    sets={
        "procedural": "Procedural drives never trained on, severities 0.4, 0.6 and 0.8",
        "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic weather, "
        "severities 0.4, 0.6 and 0.8",
    },
    limits="""\
- It is a reconstruction: only the abstract of paper C is public, so its results say nothing about the paper's.
- It restores; its mask is that of a segmenter for normal conditions, which sees the restored frame and was not trained
  with it. `base` is the same segmenter on the degraded frame.
- Its weather probabilities are calibrated on procedural drives with synthetic weather; on other frames they may be too
  sure or not sure enough.
- A mask of 11 street classes cannot stand for a safety function.""",
)


def is_paper_c(config: dict[str, Any]) -> bool:
    """Whether a checkpoint's configuration is of a run that trains MUIRF."""
    return {"tasks", "method", "homogenisation"} <= config.keys()


def open_paper_c(folder: Path, segmenter_name: str | None) -> Deployable:
    """The network of a checkpoint with the segmenter that gives the mask; raises CheckpointError and SegmenterError.

    The segmenter is named here and not at training, because nothing that is trained depends on it.
    """
    if not segmenter_name:
        raise CheckpointError(
            f"{folder}: MUIRF restores and gives no mask, which a model file has; name a segmenter for normal "
            "conditions with --segmenter: a Hugging Face folder or hub name, or a deployable model's checkpoint"
        )
    net, state = restore_muirf(folder)
    original = find_segmenter(segmenter_name, [c.name for c in CLASSES])
    segmenter = original.segmenter
    if isinstance(segmenter, HuggingFaceSegmenter):
        segmenter = OneSize(segmenter)
    model = DeployedMuirf(segmenter, net).eval()
    return Deployable(
        model=model,
        base=DeployedOriginal(segmenter).eval(),
        weathers=net.config.weathers,
        gates=net.gate_names,
        parts={"segmenter": segmenter, "muirf": net},
        training=training_of(folder, state, original, net.router.temperature.item()),
        evaluate=lambda samples: evaluate(model, samples),
        card=CARD,
    )


def training_of(folder: Path, state: dict[str, Any], original: Original, temperature: float) -> dict[str, Any]:
    """The manifest's `training`: what both networks learned from, under which licences, and the router's temperature.

    The temperature is 1 in a checkpoint of a run that has not ended, which is not calibrated yet.
    """
    state["config"]["segmenter"] = original.record
    state["command"] = joined(original.command, state["command"])
    return provenance(folder, state) | {"method": METHOD, "temperature": round(temperature, 4)}


def evaluate(model: DeployedMuirf, samples: Sequence[Sample]) -> dict[str, Any]:
    """Per weather: PSNR (dB), SSIM, the segmenter's masks before and after the restoration, weather accuracy."""
    return {name: _evaluate_in(name, model, samples) for name in model.net.config.weathers}


def _evaluate_in(name: str, model: DeployedMuirf, samples: Sequence[Sample]) -> dict[str, Any]:
    weathers, right = model.net.config.weathers, list[bool]()

    def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        original, labels, (restored, _, _, posterior_BK, _) = model.perceive(frame_BHW3)
        right.append(weathers[int(posterior_BK.argmax())] == name)
        return original, labels, restored

    frames = tqdm(degraded_frames(samples, name), name, len(samples), unit="frame")
    judged = judge(perceive, frames, len(CLASSES), VOID).result()
    return judged | {"weather_accuracy": round(torch.tensor(right).double().mean().item(), 4)}
