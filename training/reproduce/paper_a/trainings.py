"""The trainings behind paper A's tables: an original segmenter, the three stages, and runs that show their worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import LoopConfig
from training.data.batches import Example
from training.data.classes import VOID
from training.judging.judge import Judged, Perceive, judge
from training.loop import processes
from training.loop.checkpoint import Record, current_commit, open_checkpoint
from training.loop.stages import Networks, Outcome, Phase, Stage, warmup_cosine
from training.loop.trainer import Trainer
from training.models.deploy import DeployedSegmenter
from training.recipes.paper_a.config import PaperARun
from training.recipes.paper_a.deploy import DeployedCooperation, restore
from training.recipes.paper_a.losses import refinement
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_a.objective import SEGMENTER
from training.recipes.paper_a.recipe import PAPER_A, put_together
from training.recipes.paper_a.vgg19 import VGG19Features
from training.reproduce.frames import Frames
from training.reproduce.paper_a.scales import CooperationScale, Whole
from training.reproduce.study import Study, Trial, finish, folder_name
from training.segmenters.base import BaseConfig, BaseSegmenter
from training.segmenters.find import Segmenter, base_segmenter, find_segmenter, held_segmenter, located

REFINED = "stage 1"
SEPARATE, LONGER, COOPERATIVE = "stages 1 + 2", "stages 1 + 2, longer", "stage 3"
UNGUIDED, UNGUIDED_LONGER = "no mask", "no mask, longer"
JUDGED = (SEPARATE, COOPERATIVE, LONGER, UNGUIDED, UNGUIDED_LONGER)


class Variant(NamedTuple):
    """One run: its name, its configuration, and the variant whose weights it starts from (none: from the seed)."""

    name: str
    config: PaperARun
    start: str | None = None


def variants(config: PaperARun, whole: Whole | None = None) -> tuple[Variant, ...]:
    """Stages 1 and 2; then stage 3, or as many steps again of stages 1 and 2; and EGSyn alone with an undecided map.

    The longer stage 2 learns on the refined map as stage 3 does, so the only difference is whether the restoration's
    error reaches SGAda. The unguided EGSyn takes the steps of stages 2 and 3 in two runs as the others do. Stage 2
    takes the crops and the rate of `config`, the others those of `whole`, if any.
    """
    first = seen_whole(config, whole)
    more = replace(first, seed=config.seed + 1)
    blind = replace(config.model, egsyn_guided=False)
    steps = config.steps
    longer = replace(more, sgada_steps=steps, egsyn_steps=steps, steps=0, egsyn_learns_on="refined")
    restoring = replace(config, sgada_steps=0, steps=0)
    return (
        Variant(REFINED, replace(first, egsyn_steps=0, steps=0)),
        Variant(SEPARATE, restoring, REFINED),
        Variant(COOPERATIVE, replace(more, sgada_steps=0, egsyn_steps=0), SEPARATE),
        Variant(LONGER, longer, SEPARATE),
        Variant(UNGUIDED, replace(restoring, model=blind)),
        Variant(UNGUIDED_LONGER, replace(more, sgada_steps=0, egsyn_steps=steps, steps=0, model=blind), UNGUIDED),
    )


def seen_whole(config: PaperARun, whole: Whole | None) -> PaperARun:
    """The configuration with these crops and this rate."""
    if not whole:
        return config
    data = replace(config.data, crop=whole.size)
    return replace(config, data=data, batch=whole.batch, learning_rate=whole.learning_rate)


def open_segmenter(frames: Frames, scale: CooperationScale, folder: Path, command: str, name: str = "") -> Segmenter:
    """The original segmenter of a data set's rows: as `find_segmenter` takes its name, or our own if it has none.

    Our own, as large as the deployable model's, is trained first in `folder`, on clear frames alone. Raises
    CheckpointError and SegmenterError.
    """
    if name:
        return find_segmenter(name, frames.classes)
    torch.manual_seed(scale.training.seed)
    net = BaseSegmenter(BaseConfig(len(frames.classes)))
    segmenter = base_segmenter(net, frames.sources)
    record = Record(
        "original_segmenter",
        {"name": f"{scale.training.name}_segmenter"},
        command,
        current_commit(),
        frames.sources,
        segmenter=located(segmenter, SEGMENTER),
    )
    stages = segmenter_stages(scale.segmenter_steps, scale.training.sgada_loss.class_weights)
    loop = LoopConfig(scale.training.seed, scale.training.checkpoint_every)
    trainer = Trainer(processes.launch(), {SEGMENTER: net}, stages, loop, record)
    examples = frames.examples(("clear",), scale.segmenter_crop, loop.seed)
    finish(trainer, frames, examples, scale.segmenter_batch, folder)
    net.eval()
    return segmenter


def segmenter_stages(steps: int, class_weights: Sequence[float] = (), learning_rate: float = 1e-3) -> tuple[Stage, ...]:
    """The stage that trains an original segmenter on clear frames only (paper A, section 4.1), with AdamW.

    It trains the network SEGMENTER (image 0..1 -> class logits at any size).
    """
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


@dataclass(eq=False)
class CooperationStudy(Study):
    """Rows are degradations. Every variant of a row is trained, then all are judged on the same degraded frames."""

    scale: CooperationScale
    segmenter: Segmenter
    extractor: VGG19Features | None

    def config(self, trial: Trial) -> PaperARun:
        """The scale's training with the classes of the frames, and the seed."""
        training = self.scale.training
        return replace(training, model=replace(training.model, classes=len(self.frames.classes)), seed=trial.seed)

    def settings(self, trial: Trial) -> dict[str, Any]:
        """The whole crops and the original segmenter, too."""
        given = {"record": self.segmenter.record, "command": self.segmenter.command}
        return super().settings(trial) | {"whole": self.scale.whole, "segmenter": given}

    def scores(self, trial: Trial) -> dict[str, Any]:
        """The `variants`' scores, and the difference of stage 3 to each of the others, frame by frame."""
        for variant in variants(self.config(trial), self.scale.whole):
            self.train_variant(variant, trial)
        judged = {name: self.judge(trial, name) for name in JUDGED}
        over = {n: paired_difference(judged[COOPERATIVE], found) for n, found in judged.items() if n != COOPERATIVE}
        return {"variants": {name: found.result() for name, found in judged.items()}, "stage_3_over": over}

    def train_variant(self, variant: Variant, trial: Trial) -> None:
        """One run, from its checkpoint if it has one."""
        config, fabric = variant.config, processes.launch()
        examples = self.frames.examples((trial.row,), config.data.crop, config.seed)
        run = put_together(config, fabric, self.segmenter, examples, self.extractor)
        if variant.start:
            open_checkpoint(self.place_of(trial, variant.start)).load_into(run.networks)
        self.train(PAPER_A, run, fabric, self.place_of(trial, variant.name), f"{trial.row}, {variant.name}")

    def place_of(self, trial: Trial, variant: str) -> Path:
        """The folder of a variant's checkpoint."""
        return self.place(trial) / folder_name(variant)

    def judge(self, trial: Trial, variant: str) -> Judged:
        """The scores of a variant on the degraded frames."""
        perceive = perceiver(*restored(self.place_of(trial, variant)), processes.launch().device)
        return judge(perceive, self.frames.judged(trial.row), len(self.frames.classes), VOID)


def restored(folder: Path) -> tuple[nn.Module, Cooperation]:
    """The original segmenter and G1 and G2 of a checkpoint."""
    saved = open_checkpoint(folder)
    return held_segmenter(saved).module, restore(saved, PAPER_A.read(saved).model)


def perceiver(segmenter: nn.Module, net: Cooperation, device: torch.device) -> Perceive:
    """The networks as `judge` calls them, on a device."""
    base, model = (module.eval().to(device) for module in (DeployedSegmenter(segmenter),
                                                           DeployedCooperation(segmenter, net)))  # fmt: skip

    def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frame = frame_BHW3.to(device)
        image, labels, *_ = model(frame)
        return base(frame)[1], labels, image

    return perceive


def paired_difference(one: Judged, other: Judged) -> Mapping[str, float]:
    """Mean PSNR of `one` above that of `other` on the same frames, dB, and the standard error of that mean."""
    differences = torch.tensor(one.psnr_restored) - torch.tensor(other.psnr_restored)
    error = differences.std() / len(differences) ** 0.5
    return {"psnr": round(differences.mean().item(), 4), "standard_error": round(error.item(), 4)}
