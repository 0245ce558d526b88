"""A checkpoint of paper B's network, MOE-WIRNet, ready to be judged and handed out with a segmenter for the mask."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.data.classes import CLASSES, VOID
from training.data.degradations import WEATHERS
from training.data.sample import Sample
from training.deployable import UNKNOWN_WEATHER, CardText, Deployable, provenance
from training.judging.judge import judge
from training.judging.unseen import degraded_frames
from training.loop.checkpoint import CheckpointError
from training.loop.record import joined
from training.recipes.paper_a.deployed import DeployedOriginal
from training.recipes.paper_b.deployed import DeployedMoeWirNet
from training.segmenters.find import Original, find_segmenter
from training.segmenters.hugging_face import HuggingFaceSegmenter, OneSize
from training.segmenters.restore_checkpoint import restore_moe_wirnet

METHOD = "paper B: MOE-WIRNet"

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
    },
    sets={
        "procedural": "Procedural drives never trained on, severities 0.4, 0.6 and 0.8",
        "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic weather, "
        "severities 0.4, 0.6 and 0.8",
    },
    limits="""\
- It restores; its mask is that of a segmenter for normal conditions, which sees the restored frame and was not trained
  with it. `base` is the same segmenter on the degraded frame.
- It does not name the weather (`unknown`); its gates say how much each expert of a level counts.
- Unless its tasks name `clear`, no clear frame was among what it learned from.
- A mask of 11 street classes cannot stand for a safety function.""",
)


def is_paper_b(config: dict[str, Any]) -> bool:
    """Whether a checkpoint's configuration is of a run that trains MOE-WIRNet."""
    return {"tasks", "reweighting"} <= config.keys() and "method" not in config


def open_paper_b(folder: Path, segmenter_name: str | None) -> Deployable:
    """The network of a checkpoint with the segmenter that gives the mask; raises CheckpointError and SegmenterError.

    The segmenter is named here and not at training, because nothing that is trained depends on it: one restorer goes
    with any, and a better mask needs no new training.
    """
    if not segmenter_name:
        raise CheckpointError(
            f"{folder}: MOE-WIRNet restores and gives no mask, which a model file has; name a segmenter for normal "
            "conditions with --segmenter: a Hugging Face folder or hub name, or a deployable model's checkpoint"
        )
    net, state = restore_moe_wirnet(folder)
    original = find_segmenter(segmenter_name, [c.name for c in CLASSES])
    segmenter = original.segmenter
    if isinstance(segmenter, HuggingFaceSegmenter):
        segmenter = OneSize(segmenter)
    model = DeployedMoeWirNet(segmenter, net).eval()
    return Deployable(
        model=model,
        base=DeployedOriginal(segmenter).eval(),
        weathers=UNKNOWN_WEATHER,
        gates=net.gate_names,
        parts={"segmenter": segmenter, "moe_wirnet": model.net},
        training=training_of(folder, state, original),
        evaluate=lambda samples: evaluate(model, samples),
        card=CARD,
    )


def training_of(folder: Path, state: dict[str, Any], original: Original) -> dict[str, Any]:
    """The manifest's `training`: what both networks learned from, and under which licences that puts the file."""
    state["config"]["segmenter"] = original.record
    state["command"] = joined(original.command, state["command"])
    training = provenance(folder, state)
    pairs = {key: value for key, value in state["config"]["pairs"].items() if key != "root"}
    return training | {"method": METHOD, "config": training["config"] | {"pairs": pairs}}


def evaluate(model: DeployedMoeWirNet, samples: Sequence[Sample]) -> dict[str, Any]:
    """Per weather: PSNR (dB), SSIM, and scores of the segmenter's masks before and after the restoration."""
    found = {}
    for name in WEATHERS:
        frames = tqdm(degraded_frames(samples, name), name, len(samples), unit="frame")
        found[name] = judge(model.perceive, frames, len(CLASSES), VOID).result()
    return found
