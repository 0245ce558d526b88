"""A checkpoint of paper A's own networks, ready to be judged and handed out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.data.classes import CLASSES, VOID
from training.data.sample import Sample
from training.deployable import UNKNOWN_WEATHER, CardText, Deployable, provenance
from training.judging.judge import judge
from training.judging.unseen import degraded_frames
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.recipes.paper_a.deployed import DeployedCooperation, DeployedOriginal
from training.segmenters.find import find_segmenter
from training.segmenters.hugging_face import HuggingFaceSegmenter, OneSize
from training.segmenters.restore_checkpoint import restore_cooperation

METHOD = "paper A: SGAda + EGSyn"
DEGRADATIONS = (
    "clear",
    "chromatic_aberration",
    "gaussian_blur",
    "gaussian_noise",
    "jpeg",
    "fog",
    "rain",
    "reflection",
)
"""Those of paper A (sections 4.1.1 and 4.1.2), and none at all: what it does to a clear frame counts too."""

CARD = CardText(
    trained_under="synthetic degradations",
    condition="degradation",
    columns={
        "frames": "frames",
        "psnr_degraded": "PSNR in",
        "psnr_restored": "PSNR out",
        "ssim_degraded": "SSIM in",
        "ssim_restored": "SSIM out",
        "original.set.miou": "mIoU base",
        "refined.set.miou": "mIoU refined",
        "original.image.miou": "per image, base",
        "refined.image.miou": "refined",
    },
    sets={
        "procedural": "Procedural drives never trained on, every level, or severities 0.4, 0.6 and 0.8",
        "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic degradations, every level, or "
        "severities 0.4, 0.6 and 0.8",
    },
    limits="""\
- It does not route: it says nothing of the weather (`unknown`) and has no gates.
- All degradations it has seen are synthetic; where it was trained on a few, the others in the tables are new to it.
- `base` is the original segmenter, which knows normal conditions only; `refined` is what the model file publishes.
- A mask of 11 street classes cannot stand for a safety function.""",
)


def is_paper_a(config: dict[str, Any]) -> bool:
    """Whether a checkpoint's configuration is of a run that trains SGAda and EGSyn."""
    return {"sgada_steps", "egsyn_steps", "joint_steps"} <= config.keys()


def open_paper_a(folder: Path, segmenter_name: str | None = None) -> Deployable:
    """The networks of a checkpoint with their original segmenter; raises CheckpointError and SegmenterError.

    `segmenter_name` is for a checkpoint that holds none.
    """
    check_classes(folder)
    given = find_segmenter(segmenter_name, [c.name for c in CLASSES]) if segmenter_name else None
    segmenter, net, state = restore_cooperation(folder, segmenter=given.segmenter if given else None)
    if given:
        state["config"]["segmenter"] = given.record
        state["command"] = " && ".join(filter(None, [given.command, state["command"]]))
    if isinstance(segmenter, HuggingFaceSegmenter):
        segmenter = OneSize(segmenter)
    model = DeployedCooperation(segmenter, net).eval()
    return Deployable(
        model=model,
        base=DeployedOriginal(segmenter).eval(),
        weathers=UNKNOWN_WEATHER,
        gates=(),
        parts={"segmenter": segmenter, "sgada": net.sgada, "egsyn": net.egsyn},
        training=training_of(folder, state),
        evaluate=lambda samples: evaluate(model, samples),
        card=CARD,
    )


def check_classes(folder: Path) -> None:
    """Raises CheckpointError unless the masks are of the classes that a model file written here has."""
    _, state = checkpoint.load(folder)
    classes = state["config"]["model"]["classes"]
    if classes != len(CLASSES):
        raise CheckpointError(
            f"{folder}: its masks have {classes} classes, as the data it learned from; a model file has the "
            f"{len(CLASSES)} of a street"
        )


def training_of(folder: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The manifest's `training`, with the method and whether the perceptual and style losses were on."""
    training = provenance(folder, state)
    losses = {key: value for key, value in state["config"]["egsyn_loss"].items() if key != "vgg19_weights"}
    settings = training["config"] | {"egsyn_loss": losses}
    settings["pairs"] = {key: value for key, value in settings.get("pairs", {}).items() if key == "split"}
    return training | {"method": METHOD, "perceptual": losses["perceptual_features"], "config": settings}


def evaluate(model: DeployedCooperation, samples: Sequence[Sample]) -> dict[str, Any]:
    """Per degradation: PSNR (dB), SSIM, and scores of original and refined masks, over the set and per image."""
    found = {}
    for name in DEGRADATIONS:
        frames = tqdm(degraded_frames(samples, name), name, len(samples), unit="frame")
        found[name] = judge(model.perceive, frames, len(CLASSES), VOID).result()
    return found
