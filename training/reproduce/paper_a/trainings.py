"""The trainings behind paper A's tables: an original segmenter, the three stages, and runs that show their worth."""

import copy
from collections.abc import Iterator, Sequence
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
from training.data.readers.pixels import Pixels
from training.data.source import merged
from training.judging.judge import Judged, Perceive, judge
from training.loop import processes
from training.loop.checkpoint import Record, current_commit, open_checkpoint
from training.loop.stages import Networks, Outcome, Phase, Stage, warmup_cosine
from training.loop.trainer import Trainer
from training.models.deploy import DeployedSegmenter, mask, prepare
from training.models.deploy import finish as as_bytes
from training.recipes.paper_a.config import PaperARun
from training.recipes.paper_a.deploy import DeployedCooperation, restore
from training.recipes.paper_a.losses import refinement
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_a.objective import SEGMENTER, one_hot
from training.recipes.paper_a.recipe import PAPER_A, put_together
from training.recipes.paper_a.vgg19 import VGG19Features
from training.reproduce.frames import Frames, PairedFrames
from training.reproduce.paper_a.scales import CooperationScale, Whole
from training.reproduce.study import Study, Trial, finish, folder_name
from training.segmenters.base import BaseConfig, BaseSegmenter
from training.segmenters.find import Segmenter, base_segmenter, find_segmenter, located

REFINED = "stage 1"
SEPARATE, LONGER, COOPERATIVE = "stages 1 + 2", "stages 1 + 2, longer", "stage 3"
UNGUIDED, UNGUIDED_LONGER = "no mask", "no mask, longer"
JUDGED = (SEPARATE, COOPERATIVE, LONGER, UNGUIDED, UNGUIDED_LONGER)
TUNED = "segmenter, tuned on the degraded frames"
"""The plain alternative to all stages: the original segmenter learns on, from degraded frames."""


TUNING_RATE = 2e-4
"""The highest learning rate of TUNED, a fifth of the original segmenter's."""


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
        return find_segmenter(name, [c.name for c in frames.classes])
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
        classes=frames.classes,
    )
    stages = segmenter_stages(scale.segmenter_steps, scale.training.sgada_loss.class_weights)
    loop = LoopConfig(scale.training.seed, scale.training.checkpoint_every)
    trainer = Trainer(processes.launch(), {SEGMENTER: net}, stages, loop, record)
    examples = frames.examples(("clear",), scale.segmenter_crop, loop.seed)
    finish(trainer, frames, examples, scale.segmenter_batch, folder)
    net.eval()
    return segmenter


def segmenter_stages(
    steps: int, class_weights: Sequence[float] = (), learning_rate: float = 1e-3, degraded: bool = False
) -> tuple[Stage, ...]:
    """The stage that trains an original segmenter on clear frames only (paper A, section 4.1), with AdamW.

    It trains the network SEGMENTER (image 0..1 -> class logits at any size); if `degraded`, on degraded frames.
    """
    optimizer = partial(torch.optim.AdamW, lr=learning_rate, weight_decay=1e-4)
    schedule = warmup_cosine(learning_rate, steps // 20 + 1, steps)
    return (
        Stage(
            SEGMENTER,
            steps,
            (Phase(SEGMENTER, (SEGMENTER,), partial(segment, class_weights, degraded), optimizer, schedule),),
        ),
    )


def segment(class_weights: Sequence[float], degraded: bool, batch: Example, nets: Networks) -> Outcome:
    """Cross-entropy between the masks of the clear or the degraded frames and the labels, as SGAda's (eq. 2)."""
    logits = nets[SEGMENTER]((batch.degraded_3HW if degraded else batch.clear_3HW).float() / 255)
    logits = F.interpolate(logits, size=batch.labels_HW.shape[1:], mode="bilinear", align_corners=False)
    known = batch.labels_HW != VOID
    hit = (logits.argmax(1) == batch.labels_HW) & known
    return Outcome(
        {"cross_entropy": refinement(logits, batch.labels_HW, VOID, class_weights)},
        {"accuracy": hit.sum() / known.sum().clamp(min=1)},
    )


@dataclass(eq=False)
class CooperationStudy(Study):
    """Rows are degradations. Every variant of a row is trained, then all are judged on the same degraded frames.

    Without a segmenter the frames, PairedFrames, have original segmentations, and TUNED has nothing to tune.
    """

    scale: CooperationScale
    segmenter: Segmenter | None
    extractor: VGG19Features | None
    workers: int = 1

    def config(self, trial: Trial) -> PaperARun:
        """The scale's training with the classes of the frames, and the seed."""
        training = self.scale.training
        return replace(training, model=replace(training.model, classes=len(self.frames.classes)), seed=trial.seed)

    def settings(self, trial: Trial) -> dict[str, Any]:
        """The whole crops and the original segmenter, too."""
        given = {"record": self.segmenter.record, "command": self.segmenter.command} if self.segmenter else "given maps"
        return super().settings(trial) | {"whole": self.scale.whole, "segmenter": given}

    def scores(self, trial: Trial) -> dict[str, Any]:
        """The `variants`' scores, and those of the masks of TUNED."""
        for variant in variants(self.config(trial), self.scale.whole):
            self.train_variant(variant, trial)
        judged = {name: self.judge(trial, name).result() for name in JUDGED}
        tuned = {TUNED: self.tune(trial, self.segmenter).result()} if self.segmenter else {}
        return {"variants": judged | tuned}

    def train_variant(self, variant: Variant, trial: Trial) -> None:
        """One run, from its checkpoint if it has one."""
        config, fabric = variant.config, processes.launch()
        examples = self.frames.examples((trial.row,), config.data.crop, config.seed)
        run = put_together(config, fabric, self.segmenter, examples, self.extractor, self.frames.classes)
        if variant.start:
            open_checkpoint(self.place_of(trial, variant.start)).load_into(run.networks)
        command = f"{self.command}  # {trial.row}, {variant.name}"
        trainer = PAPER_A.trainer(run, fabric, config.loop(workers=self.workers), command)
        finish(trainer, self.frames, run.examples, config.batch, self.place_of(trial, variant.name))

    def tune(self, trial: Trial, segmenter: Segmenter) -> Judged:
        """The scores of the original segmenter after as many steps of stages 1 and 3 on the degraded frames."""
        config, fabric = seen_whole(self.config(trial), self.scale.whole), processes.launch()
        tuned = copy.deepcopy(segmenter.module)
        steps = config.sgada_steps + config.steps
        record = Record(
            "tuned_segmenter",
            {"name": f"{self.scale.training.name}_tuned"},
            f"{self.command}  # {trial.row}, {TUNED}",
            current_commit(),
            merged(segmenter.sources, self.frames.sources),
            segmenter.command,
            located(segmenter, SEGMENTER),
            classes=self.frames.classes,
        )
        stages = segmenter_stages(steps, config.sgada_loss.class_weights, TUNING_RATE, degraded=True)
        loop = config.loop(workers=self.workers)
        trainer = Trainer(fabric, {SEGMENTER: tuned}, stages, loop, record)
        examples = self.frames.examples((trial.row,), config.data.crop, config.seed)
        finish(trainer, self.frames, examples, config.batch, self.place_of(trial, TUNED))
        before, after = (DeployedSegmenter(net.to(fabric.device)).eval() for net in (segmenter.module, tuned))

        def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            frame = frame_BHW3.to(fabric.device)
            return before(frame)[1], after(frame)[1], frame

        return self.judged(trial, perceive)

    def place_of(self, trial: Trial, variant: str) -> Path:
        """The folder of a variant's checkpoint."""
        return self.place(trial) / folder_name(variant)

    def judge(self, trial: Trial, variant: str) -> Judged:
        """The scores of a variant on the degraded frames."""
        net, device = restored(self.place_of(trial, variant)), processes.launch().device
        if self.segmenter:
            return self.judged(trial, perceiver(self.segmenter.module, net, device))
        assert isinstance(self.frames, PairedFrames)
        return self.judged(trial, refiner(self.frames.original(trial.row), len(self.frames.classes), net, device))

    def judged(self, trial: Trial, perceive: Perceive) -> Judged:
        """The scores of a model on the degraded frames, by both protocols and for each level."""
        frames, levels = self.frames.judged(trial.row), self.frames.levels(trial.row)
        return judge(perceive, frames, len(self.frames.classes), VOID, levels, released=True)


def restored(folder: Path) -> Cooperation:
    """G1 and G2 of a checkpoint."""
    saved = open_checkpoint(folder)
    return restore(saved, PAPER_A.read(saved).model)


def perceiver(segmenter: nn.Module, net: Cooperation, device: torch.device) -> Perceive:
    """The networks as `judge` calls them, on a device."""
    base, model = (module.eval().to(device) for module in (DeployedSegmenter(segmenter),
                                                           DeployedCooperation(segmenter, net)))  # fmt: skip

    def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frame = frame_BHW3.to(device)
        image, labels, *_ = model(frame)
        return base(frame)[1], labels, image

    return perceive


def refiner(originals: Iterator[Pixels], classes: int, net: Cooperation, device: torch.device) -> Perceive:
    """G1 and G2 as `judge` calls them, on a device, with the original segmentations of its frames in their order."""
    net = net.eval().to(device)

    def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        original_BHW = torch.from_numpy(next(originals))[None].to(device)
        image, size = prepare(frame_BHW3.to(device))
        missing = (0, image.shape[3] - original_BHW.shape[2], 0, image.shape[2] - original_BHW.shape[1])
        padded_BKHW = F.pad(one_hot(original_BHW, classes, VOID), missing, mode="replicate")
        refined, restored = net(image, padded_BKHW)
        return original_BHW, mask(refined, 1, size)[0], as_bytes(restored, size)

    return perceive
