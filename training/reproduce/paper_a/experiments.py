"""Paper A's tables: which rows can run, and their scores."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.data.classes import VOID
from training.judging.judge import judge
from training.loop import processes
from training.losses.segmentation import class_weights
from training.models.deploy import DeployedSegmenter
from training.recipes.paper_a.vgg19 import VGG19Features
from training.reproduce.command import Order
from training.reproduce.frames import CAMVID, STREET, Frames, data_set_frames, runs_on_streets, street_frames
from training.reproduce.paper_a.published import TABLES
from training.reproduce.paper_a.scales import CooperationScale
from training.reproduce.paper_a.trainings import COOPERATIVE, CooperationStudy, open_segmenter, restored
from training.reproduce.study import Experiment, Trial
from training.segmenters.find import Segmenter

DATA_SETS = (CAMVID, *dict.fromkeys(row.data for row in TABLES))


def plan(data: Mapping[str, Path], scale: CooperationScale) -> list[Experiment]:
    """The experiments for which there are data: the tables' own, and all the tables' degradations on street scenes."""
    found = [Experiment(STREET, scale.street)] if runs_on_streets(data, scale.name) else []
    for name in dict.fromkeys(row.data for row in TABLES if row.data in data):
        found.append(Experiment(name, tuple(row.degradation for row in TABLES if row.data == name)))
    return found


def missing(data: Mapping[str, Path]) -> list[str]:
    """The tables' rows that cannot run, and the data that they need."""
    return [
        f"Table {row.tables}, {row.label}: no {row.data} (--data {row.data}=ROOT)"
        for row in TABLES
        if row.data not in data
    ]


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    scale: CooperationScale,
    order: Order,
    extractor: VGG19Features | None,
    segmenter: str = "",
) -> dict[str, Any]:
    """Train and judge the unfinished rows, and collect all scores; `extractor` is that of the scale's losses.

    Raises CheckpointError, FileNotFoundError, SegmenterError and ValueError.
    """
    if experiment.data == STREET:
        scale = on_street(scale, data.get(CAMVID))
    frames = open_frames(experiment, data, scale)
    folder, seed = order.out / experiment.data, scale.training.seed
    original = open_segmenter(frames, scale, folder / "segmenter", order.command, segmenter)
    study = CooperationStudy(frames, scale, folder, order.command, original, extractor)
    rows = study.run(experiment.parts, [seed], order.jobs)
    module, net = restored(study.place_of(Trial(experiment.parts[0], seed), COOPERATIVE))
    parts: dict[str, nn.Module] = {"original segmenter": module, "G1": net.sgada, "G2": net.egsyn}
    return {
        "name": experiment.data,
        "data": list(frames.description),
        "segmenter": origin(original),
        "commits": study.commits(),
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "clean": judge_segmenter(module, frames),
        "rows": {degradation: found[str(seed)] for degradation, found in rows.items()},
    }


def origin(segmenter: Segmenter) -> str:
    """The origin of the original segmentation, in words."""
    if segmenter.command:
        return f"the base segmenter of a checkpoint by `{segmenter.command}`"
    return str(segmenter.record.get("name", "a small segmenter trained first, on clear frames alone"))


def open_frames(experiment: Experiment, data: Mapping[str, Path], scale: CooperationScale) -> Frames:
    """The experiment's frames."""
    if experiment.data == STREET:
        return street_frames(scale.training.data, scale.frames)
    return data_set_frames(experiment.data, data[experiment.data], experiment.parts[0], scale.frames)


def on_street(scale: CooperationScale, camvid: Path | None) -> CooperationScale:
    """The scale with CamVid's root, and with the weights that the deployable model gives to street classes."""
    data = replace(scale.training.data, camvid_root=str(camvid or ""))
    loss = replace(scale.training.sgada_loss, class_weights=class_weights())
    return replace(scale, training=replace(scale.training, data=data, sgada_loss=loss))


def judge_segmenter(module: nn.Module, frames: Frames) -> dict[str, Any]:
    """The original segmentation of the clear frames (Table 1's first row)."""
    device = processes.launch().device
    original = DeployedSegmenter(module).eval().to(device)

    def perceive(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        labels = original(frame.to(device))[1]
        return labels, labels, frame

    found: dict[str, Any] = judge(perceive, frames.judged("clear"), len(frames.classes), VOID).result()["original"]
    return found
