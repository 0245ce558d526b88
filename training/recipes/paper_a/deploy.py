"""Wraps paper A's networks for the model file, and makes their checkpoint deployable."""

from torch import Tensor, nn

from training.data.degradations import PAPER_A_DEGRADATIONS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint, CheckpointError
from training.models.deploy import (
    ContractOutputs,
    DeployedSegmenter,
    finish,
    mask,
    no_routing,
    prepare,
    probabilities_like,
)
from training.recipes.paper_a.config import CooperationConfig, PaperARun
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_a.objective import EGSYN, SGADA
from training.segmenters.find import Segmenter

TITLE = "paper A: SGAda + EGSyn"

LIMITS = """\
- It has no router, so its weather is `unknown` and it has no gates.
- It has seen only synthetic degradations; if it was trained on a few, the others in the tables are new to it.
- `base` is the original segmenter, which knows normal conditions only; `refined` is what the model file publishes.
- A mask of {classes} classes cannot serve as a safety function."""


class DeployedCooperation(nn.Module):
    """A base segmenter (image 0..1 -> class logits at any size) with a Cooperation; weather `unknown`, no gates."""

    def __init__(self, segmenter: nn.Module, net: Cooperation) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.net = net

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        refined, restored = self.net(image, probabilities_like(self.segmenter(image), image))
        labels, confidence = mask(refined, 1, size)
        return finish(restored, size), labels, confidence, *no_routing(image)


def restore(saved: Checkpoint, config: CooperationConfig) -> Cooperation:
    """G1 and G2 of a checkpoint, in evaluation mode; raises CheckpointError."""
    net = Cooperation(config)
    saved.load_into({SGADA: net.sgada, EGSYN: net.egsyn})
    return net.eval()


def deploy(saved: Checkpoint, config: PaperARun, segmenter: Segmenter) -> Deployable:
    """The networks of a checkpoint with their original segmenter; raises CheckpointError if its classes are unknown."""
    if config.model.classes != len(saved.classes):
        raise CheckpointError(
            f"{saved.folder}: does not name the {config.model.classes} classes of its masks, because an older version "
            "wrote it; train it again"
        )
    net, original = restore(saved, config.model), segmenter.for_any_frame()
    return Deployable(
        model=DeployedCooperation(original, net).eval(),
        base=DeployedSegmenter(original).eval(),
        parts={"segmenter": original, "sgada": net.sgada, "egsyn": net.egsyn},
        training=provenance(saved, config, method=TITLE, perceptual=config.egsyn_loss.perceptual_features),
        conditions=tuple(dict.fromkeys(("clear", *PAPER_A_DEGRADATIONS, *config.degradations))),
        trained_under="synthetic degradations",
        limits=LIMITS.format(classes=len(saved.classes)),
        classes=saved.classes,
    )
