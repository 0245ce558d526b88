"""Paper A's tables: which rows can run, the trainings behind them, and what the trained networks are worth."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from training.data.classes import VOID
from training.judging.judge import Judged, Perceive, judge
from training.loop import checkpoint
from training.losses.segmentation import class_weights
from training.recipes.paper_a.deployed import DeployedCooperation, DeployedOriginal
from training.reproduce.frames import Frames, data_set_frames, street_frames
from training.reproduce.jobs import run_all
from training.reproduce.paper_a.published import TABLES
from training.reproduce.paper_a.runs import COOPERATIVE, JUDGED, open_original, train_row
from training.reproduce.paper_a.scales import Scale
from training.reproduce.study import folder_name
from training.segmenters.find import Original
from training.segmenters.restore_checkpoint import restore_cooperation

STREET = "street"
CAMVID = "camvid"
DATA_SETS = (CAMVID, *dict.fromkeys(row.data for row in TABLES))


class Experiment(NamedTuple):
    """One data set, of DATA_SETS or STREET, and the rows that are trained and judged on it."""

    data: str
    degradations: tuple[str, ...]


def plan(data: Mapping[str, Path], scale: Scale) -> list[Experiment]:
    """The experiments for which there are data: the tables' own, and all the tables' degradations on street scenes.

    Without any data there are the procedural scenes, but not at the full scale.
    """
    street = CAMVID in data or (not data and scale.name != "full")
    found = [Experiment(STREET, scale.street)] if street else []
    for name in dict.fromkeys(row.data for row in TABLES if row.data in data):
        found.append(Experiment(name, tuple(row.degradation for row in TABLES if row.data == name)))
    return found


def absent(data: Mapping[str, Path]) -> list[str]:
    """The tables' rows that cannot run, and for want of what."""
    return [f"Table {row.tables}, {row.label}: no {row.data} (--data {row.data}=ROOT)" for row in TABLES
            if row.data not in data]  # fmt: skip


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    scale: Scale,
    out: Path,
    command: str,
    segmenter: str = "",
    jobs: int = 1,
) -> dict[str, Any]:
    """Train what is not trained yet, and judge it, `jobs` rows at a time.

    Raises CheckpointError, FileNotFoundError, SegmenterError and ValueError.
    """
    if experiment.data == STREET:
        scale = on_street(scale, data.get(CAMVID))
    frames = open_frames(experiment, data, scale)
    folder = out / experiment.data
    original = open_original(frames, scale, folder, command, segmenter)

    def row(degradation: str) -> dict[str, Any]:
        train_row(original, frames, degradation, scale, folder / degradation, command)
        return judge_row(frames, degradation, folder / degradation)

    rows = run_all(row, experiment.degradations, jobs, folder / "logs")
    some = folder / experiment.degradations[0] / folder_name(COOPERATIVE)
    return {
        "name": experiment.data,
        "data": list(frames.description),
        "segmenter": origin(original),
        "commits": commits(folder),
        "parameters": parameters(some),
        "clean": judge_original(frames, some),
        "rows": dict(zip(experiment.degradations, rows, strict=True)),
    }


def origin(original: Original) -> str:
    """Where the original segmentation comes from."""
    if original.command:
        return f"the base segmenter of a checkpoint by `{original.command}`"
    return str(original.record.get("name", "a small segmenter trained first, on clear frames alone"))


def open_frames(experiment: Experiment, data: Mapping[str, Path], scale: Scale) -> Frames:
    """The experiment's frames."""
    if experiment.data == STREET:
        return street_frames(scale.training.data, scale.frames)
    return data_set_frames(experiment.data, data[experiment.data], experiment.degradations[0], scale.frames)


def on_street(scale: Scale, camvid: Path | None) -> Scale:
    """The scale with CamVid's root, and with the weights that the deployable model gives to street classes."""
    data = replace(scale.training.data, camvid_root=str(camvid or ""))
    loss = replace(scale.training.sgada_loss, class_weights=class_weights())
    return replace(scale, training=replace(scale.training, data=data, sgada_loss=loss))


def judge_row(frames: Frames, degradation: str, folder: Path) -> dict[str, Any]:
    """Every variant on the same degraded frames, and what two of them differ by, frame by frame."""
    judged = {
        name: judge(perceiver(folder / folder_name(name)), frames.judged(degradation), len(frames.classes), VOID)
        for name in JUDGED
    }
    return {
        "variants": {name: scores.result() for name, scores in judged.items()},
        "stage_3_over": {
            name: paired_difference(judged[COOPERATIVE], scores)
            for name, scores in judged.items()
            if name != COOPERATIVE
        },
    }


def perceiver(folder: Path) -> Perceive:
    """The networks of a checkpoint as `judge` calls them."""
    segmenter, net, _ = restore_cooperation(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = DeployedCooperation(segmenter, net).eval().to(device)
    return lambda frame: model.perceive(frame.to(device))


def paired_difference(one: Judged, other: Judged) -> dict[str, float]:
    """Mean PSNR of `one` above that of `other` on the same frames, dB, and the standard error of that mean."""
    differences = torch.tensor(one.psnr_restored) - torch.tensor(other.psnr_restored)
    error = differences.std() / len(differences) ** 0.5
    return {"psnr": round(differences.mean().item(), 4), "standard_error": round(error.item(), 4)}


def judge_original(frames: Frames, folder: Path) -> dict[str, Any]:
    """The original segmentation of the clear frames (Table 1's first row)."""
    segmenter, _, _ = restore_cooperation(folder)
    original = DeployedOriginal(segmenter).eval()

    def perceive(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        labels = original(frame)[1]
        return labels, labels, frame

    return judge(perceive, frames.judged("clear"), len(frames.classes), VOID).result()["original"]


def parameters(folder: Path) -> dict[str, int]:
    """Weights of the networks that a robot would run."""
    segmenter, net, _ = restore_cooperation(folder)
    parts: dict[str, nn.Module] = {"original segmenter": segmenter, "G1": net.sgada, "G2": net.egsyn}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


def commits(folder: Path) -> list[str]:
    """The commits of the code that trained the runs."""
    return sorted({json.loads(path.read_text())["commit"] for path in folder.rglob(checkpoint.STATE_FILE)})
