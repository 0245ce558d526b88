"""The stage that trains an original segmenter, on clear frames only (paper A, section 4.1)."""

from collections.abc import Sequence
from functools import partial

import torch
from torch.nn import functional as F

from training.data.batches import Example
from training.data.classes import VOID
from training.loop.stages import Networks, Outcome, Phase, Stage, warmup_cosine
from training.recipes.paper_a.losses import refinement

SEGMENTER = "segmenter"


def stages(steps: int, class_weights: Sequence[float] = (), learning_rate: float = 1e-3) -> tuple[Stage, ...]:
    """One stage of one phase, with AdamW; it trains the network SEGMENTER (image 0..1 -> class logits at any size)."""
    optimizer = partial(torch.optim.AdamW, lr=learning_rate, weight_decay=1e-4)
    schedule = warmup_cosine(learning_rate, steps // 20 + 1, steps)
    return (
        Stage(
            SEGMENTER, steps, (Phase(SEGMENTER, (SEGMENTER,), partial(segment, class_weights), optimizer, schedule),)
        ),
    )


def segment(class_weights: Sequence[float], batch: Example, nets: Networks) -> Outcome:
    """Cross-entropy between the masks of the clear frames and the labels, the same as SGAda's (eq. 2)."""
    logits = nets[SEGMENTER](batch.clear_3HW.float() / 255)
    logits = F.interpolate(logits, size=batch.labels_HW.shape[1:], mode="bilinear", align_corners=False)
    known = batch.labels_HW != VOID
    hit = (logits.argmax(1) == batch.labels_HW) & known
    return Outcome(
        {"cross_entropy": refinement(logits, batch.labels_HW, VOID, class_weights)},
        {"accuracy": hit.sum() / known.sum().clamp(min=1)},
    )
