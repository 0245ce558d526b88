"""Stages of Cooperative Modification Learning (paper A, section 3.4, Algorithm 1): SGAda, EGSyn, then both."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.batches import Example
from training.data.classes import CLASSES
from training.data.paired_crops import ExampleWithOriginal
from training.loop.stages import Networks, Outcome, Phase, Stage, constant, warmup_cosine
from training.losses import restoration
from training.models.deploy import probabilities_like
from training.recipes.paper_a.balance import balanced
from training.recipes.paper_a.config import CooperationConfig, PaperARun
from training.recipes.paper_a.losses import FeatureExtractor, discriminate, egsyn_terms, sgada_terms
from training.recipes.paper_a.network import Cooperation, ImageDiscriminator, SegmentationDiscriminator

Batch = Example | ExampleWithOriginal

# The names of the networks, and of their files in the checkpoint.
SEGMENTER, SGADA, EGSYN, D1, D2 = "segmenter", "sgada", "egsyn", "segmentation_discriminator", "image_discriminator"


class Views(NamedTuple):
    """A batch in the form of the networks' inputs: Id and Igt in 0..1, Sgt, and Sd as probabilities."""

    degraded_B3HW: Tensor
    clear_B3HW: Tensor
    labels_BHW: Tensor
    original_BKHW: Tensor


def networks(config: CooperationConfig, segmenter: nn.Module | None) -> dict[str, nn.Module]:
    """G1, G2, D1, D2, and the segmenter for normal conditions that computes Sd (image 0..1 -> logits at any size).

    `segmenter` is None if the examples contain Sd.
    """
    pair = Cooperation(config)
    given = {} if segmenter is None else {SEGMENTER: segmenter}
    return given | {
        SGADA: pair.sgada,
        EGSYN: pair.egsyn,
        D1: SegmentationDiscriminator(config),
        D2: ImageDiscriminator(config),
    }


def stages(config: PaperARun, extractor: FeatureExtractor | None) -> tuple[Stage, ...]:
    """The three stages; `extractor` comes from build_extractor, on the training's device.

    No stage trains the segmenter. In every stage the discriminators learn first, then the generators that they judge.
    """
    task = PaperA(config, extractor)
    guide = task.ground_truth if config.egsyn_learns_on == "ground_truth" else task.refined
    judge_masks = Side(D1, (D1,), task.judge_masks)
    planned = (
        ("sgada", config.sgada_steps, (judge_masks, Side("g1", (SGADA,), task.refine))),
        (
            "egsyn",
            config.egsyn_steps,
            (
                Side(D2, (D2,), partial(task.judge_images, guide)),
                Side("g2", (EGSYN,), partial(task.restore, guide)),
            ),
        ),
        (
            "joint",
            config.steps,
            (
                judge_masks,
                Side(D2, (D2,), partial(task.judge_images, task.refined)),
                Side("g1_g2", (SGADA, EGSYN), task.cooperate),
            ),
        ),
    )
    return tuple(
        Stage(name, steps, tuple(phase(config, steps, player) for player in players))
        for name, steps, players in planned
        if steps
    )


class Side(NamedTuple):
    """One side of the game between generators and discriminators: its networks and their objective."""

    name: str
    networks: tuple[str, ...]
    objective: Callable[[Batch, Networks], Outcome]


def phase(config: PaperARun, steps: int, player: Side) -> Phase:
    """The player's phase in a stage of `steps` steps."""
    rate = config.learning_rate
    schedule = warmup_cosine(rate, steps // 20 + 1, steps) if config.decay else constant(rate)
    return Phase(*player, partial(torch.optim.Adam, lr=rate, betas=config.betas), schedule)


Guide = Callable[[Views, Networks], Tensor]


class PaperA:
    """The objectives of paper A's phases."""

    def __init__(self, config: PaperARun, extractor: FeatureExtractor | None) -> None:
        self.config = config
        self.extractor = extractor
        self.void = config.sgada_loss.void

    def judge_masks(self, batch: Batch, nets: Networks) -> Outcome:
        """L_D1 (eq. 3)."""
        views = self.look(batch, nets)
        with torch.no_grad():
            refined = self.refined(views, nets)
        real = nets[D1](self.ground_truth(views, nets), views.degraded_B3HW)
        fake = nets[D1](undecided_at_void(refined, views.labels_BHW, self.void), views.degraded_B3HW)
        return Outcome({"adversarial": discriminate(real, fake)})

    def judge_images(self, guide: Guide, batch: Batch, nets: Networks) -> Outcome:
        """L_D2 (eq. 5)."""
        views = self.look(batch, nets)
        with torch.no_grad():
            restored = nets[EGSYN](views.degraded_B3HW, guide(views, nets))
        return Outcome({"adversarial": discriminate(nets[D2](views.clear_B3HW), nets[D2](restored))})

    def refine(self, batch: Batch, nets: Networks) -> Outcome:
        """L_G1 (eq. 1)."""
        views = self.look(batch, nets)
        logits = nets[SGADA](views.original_BKHW, views.degraded_B3HW)
        leading, judged = balanced(logits, self.config.sgada_loss.adversarial_share)
        terms = self._refinement(views, nets, leading, judged)
        return Outcome(terms, self._accuracy(views, logits), pictures(views, logits))

    def restore(self, guide: Guide, batch: Batch, nets: Networks) -> Outcome:
        """L_G2 (eq. 4)."""
        views = self.look(batch, nets)
        restored = nets[EGSYN](views.degraded_B3HW, guide(views, nets))
        return Outcome(self._restoration(views, nets, restored), gain(views, restored), pictures(views, None, restored))

    def cooperate(self, batch: Batch, nets: Networks) -> Outcome:
        """L_G1 + L_G2 on {Sr, Id} (Algorithm 1, lines 11 to 14): the restoration's error reaches SGAda through Sr.

        Its gradient on Sr has a share of the cross-entropy's (SGAdaLossConfig); the paper names no weight.
        """
        views = self.look(batch, nets)
        logits = nets[SGADA](views.original_BKHW, views.degraded_B3HW)
        loss = self.config.sgada_loss
        leading, judged, guiding = balanced(logits, loss.adversarial_share, loss.restoration_share)
        restored = nets[EGSYN](views.degraded_B3HW, guiding.softmax(dim=1))
        return Outcome(
            {f"sgada_{name}": term for name, term in self._refinement(views, nets, leading, judged).items()}
            | {f"egsyn_{name}": term for name, term in self._restoration(views, nets, restored).items()},
            self._accuracy(views, logits) | gain(views, restored),
            pictures(views, logits, restored),
        )

    def look(self, batch: Batch, nets: Networks) -> Views:
        """Scale the images to 0..1, and take Sd from the examples or else from the segmenter.

        The segmenter sees the degraded image, like a perception stack for normal conditions.
        """
        degraded, clear = batch.degraded_3HW.float() / 255, batch.clear_3HW.float() / 255
        if isinstance(batch, ExampleWithOriginal):
            original = one_hot(batch.original_HW, self.config.model.classes, self.void)
        else:
            with torch.no_grad():
                original = probabilities_like(nets[SEGMENTER](degraded), degraded)
        return Views(degraded, clear, batch.labels_HW, original)

    def ground_truth(self, views: Views, _nets: Networks) -> Tensor:
        """Sgt as probabilities."""
        return one_hot(views.labels_BHW, self.config.model.classes, self.void)

    def refined(self, views: Views, nets: Networks) -> Tensor:
        """Sr as probabilities."""
        return nets[SGADA](views.original_BKHW, views.degraded_B3HW).softmax(dim=1)

    def _refinement(self, views: Views, nets: Networks, logits_BKHW: Tensor, judged_BKHW: Tensor) -> dict[str, Tensor]:
        """The terms of L_G1; both are Sr as logits, for the cross-entropy and for D1."""
        fake = undecided_at_void(judged_BKHW.softmax(dim=1), views.labels_BHW, self.void)
        scores = nets[D1](fake, views.degraded_B3HW)
        return sgada_terms(self.config.sgada_loss, logits_BKHW, views.labels_BHW, scores)

    def _restoration(self, views: Views, nets: Networks, restored_B3HW: Tensor) -> dict[str, Tensor]:
        scores = nets[D2](restored_B3HW)
        return egsyn_terms(self.config.egsyn_loss, restored_B3HW, views.clear_B3HW, scores, self.extractor)

    @torch.no_grad()
    def _accuracy(self, views: Views, logits_BKHW: Tensor) -> dict[str, Tensor]:
        """Pixel accuracy of the original and the refined segmentation, 0..1."""
        known = views.labels_BHW != self.void
        return {
            f"{name}_accuracy": ((most_probable(map_BKHW) == views.labels_BHW) & known).sum() / known.sum().clamp(min=1)
            for name, map_BKHW in (("original", views.original_BKHW), ("refined", logits_BKHW))
        }


@torch.no_grad()
def gain(views: Views, restored_B3HW: Tensor) -> dict[str, Tensor]:
    """The gain in PSNR of the restored over the degraded image, in dB."""
    return {"gain_dB": restoration.gain_db(restored_B3HW, views.degraded_B3HW, views.clear_B3HW).mean()}


def pictures(
    views: Views, logits_BKHW: Tensor | None = None, restored_B3HW: Tensor | None = None
) -> Mapping[str, Tensor]:
    """The images to show during training."""
    found = {"degraded": views.degraded_B3HW, "original": painted(views.original_BKHW)}
    if logits_BKHW is not None:
        found["refined"] = painted(logits_BKHW)
    if restored_B3HW is not None:
        found["restored"] = restored_B3HW
    return found | {"clear": views.clear_B3HW}


def painted(map_BKHW: Tensor) -> Tensor:
    """The colour of every pixel's most probable class, [B, 3, H, W], 0..1; ids beyond the palette start it again."""
    palette = torch.tensor([c.color for c in CLASSES], device=map_BKHW.device) / 255
    return palette[most_probable(map_BKHW) % len(CLASSES)].movedim(-1, 1)


def one_hot(labels_BHW: Tensor, classes: int, void: int) -> Tensor:
    """Class ids -> probabilities [B, K, H, W]: 1 at the class, but 1/K for every class if the label is `void`.

    Raises ValueError for an id that is neither a class nor void.
    """
    known = labels_BHW != void
    outside = known & ((labels_BHW < 0) | (labels_BHW >= classes))
    if outside.any():
        raise ValueError(f"label {int(labels_BHW[outside][0])} is out of range: {classes} classes, void is {void}")
    encoded = F.one_hot(torch.where(known, labels_BHW, 0).long(), classes).movedim(-1, 1).float()
    return undecided_at_void(encoded, labels_BHW, void)


def undecided_at_void(probabilities_BKHW: Tensor, labels_BHW: Tensor, void: int) -> Tensor:
    """The same probabilities, but 1/K for every class at pixels with the label `void`.

    Real and fake maps must be undecided at the same pixels, or D1 would tell them apart by the void pixels.
    """
    undecided = 1 / probabilities_BKHW.shape[1]
    return torch.where((labels_BHW == void)[:, None], undecided, probabilities_BKHW)


def most_probable(map_BKHW: Tensor) -> Tensor:
    """The class ids of a map of probabilities or logits, int64 [B, H, W]; on a CPU much faster than argmax."""
    return map_BKHW.max(dim=1).indices
