"""Paper A's tables: which rows can run, and their scores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from training.data.classes import VOID
from training.data.degradations.protocols import RELEASED_SCRIPTS
from training.data.degradations.released import RELEASED
from training.data.readers.copies import made_of
from training.judging.judge import judge
from training.loop import processes
from training.losses.segmentation import class_weights
from training.models.deploy import DeployedSegmenter
from training.recipes.paper_a.config import PaperARun
from training.recipes.paper_a.vgg19 import VGG19Features
from training.reproduce.command import Order
from training.reproduce.frames import CAMVID, STREET, Frames, data_set_frames, runs_on_streets, street_frames
from training.reproduce.paper_a.protocol import Degrader
from training.reproduce.paper_a.published import BY_DEGRADATION, TABLES
from training.reproduce.paper_a.scales import CooperationScale
from training.reproduce.paper_a.trainings import COOPERATIVE, CooperationStudy, open_segmenter, restored
from training.reproduce.rivals import Rival, RivalStudy
from training.reproduce.study import Experiment, Trial
from training.segmenters.find import Segmenter

DATA_SETS = (CAMVID, *dict.fromkeys(row.data for row in TABLES))


class Setting(NamedTuple):
    """All that the experiments of a command share; `segmenters` are names by data, "" for any data.

    `originals` are folders of original segmentations, by data as well.
    """

    data: Mapping[str, Path]
    scale: CooperationScale
    protocol: str
    noise: str
    reflections: Sequence[Path]
    fog: str
    segmenters: Mapping[str, str]
    extractor: VGG19Features | None
    workers: int = 1
    originals: Mapping[str, Path] = {}
    rivals: Sequence[Rival] = ()

    def original(self, data: str) -> tuple[str, Path | None]:
        """The segmenter and the folder of label maps for these data, of which one at most is given.

        Raises ValueError if both are.
        """
        for key in (data, ""):
            name, folder = self.segmenters.get(key, ""), self.originals.get(key)
            if name and folder:
                raise ValueError("--originals and --segmenter: both give the original segmentation; name one of them")
            if name or folder:
                return name, folder
        return "", None


def plan(data: Mapping[str, Path], scale: CooperationScale, rows: Sequence[str] = ()) -> list[Experiment]:
    """The experiments for which there are data: the tables' own, and the scale's degradations on street scenes.

    With `rows`, these degradations only; of a degraded copy, its own. Raises ValueError for one that no table has.
    """
    if unknown := sorted(set(rows) - set(BY_DEGRADATION)):
        raise ValueError(f"--rows: no row {unknown[0]!r}; there are {', '.join(BY_DEGRADATION)}")
    found = [Experiment(STREET, tuple(rows) or scale.street)] if runs_on_streets(data, scale.name) else []
    for name in dict.fromkeys(row.data for row in TABLES if row.data in data):
        parts = tuple(
            row.degradation for row in TABLES if row.data == name and row.degradation in (rows or BY_DEGRADATION)
        )
        if made := made_of(data[name]):
            if made.degradation not in parts:
                raise ValueError(f"{data[name]}: a copy in {made.degradation}, but the rows are {', '.join(parts)}")
            parts = (made.degradation,)
        found += [Experiment(name, parts)] if parts else []
    return found


def earlier(path: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """The experiments in a result that another command wrote, by `key`; none if there is no such file."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text()).get("experiments", [])
    return {key(experiment): experiment for experiment in found if "protocol" in experiment}


def key(experiment: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells an experiment from others in one result: its data and how they were degraded."""
    return experiment["name"], experiment["protocol"], experiment["noise"], experiment.get("copy", "")


def missing(data: Mapping[str, Path]) -> list[str]:
    """The tables' rows that cannot run, and the data that they need."""
    lines = []
    for row in TABLES:
        made = made_of(data[row.data]) if row.data in data else None
        if row.data not in data:
            lines.append(f"Table {row.tables}, {row.label}: no {row.data} (--data {row.data}=ROOT)")
        elif made and made.degradation != row.degradation:
            lines.append(f"Table {row.tables}, {row.label}: {row.data} is a copy in {made.degradation}")
    return lines


def run(experiment: Experiment, setting: Setting, order: Order) -> dict[str, Any]:
    """Train and judge the unfinished rows with every seed, and collect all scores.

    Raises CheckpointError, FileNotFoundError, SegmenterError and ValueError.
    """
    scale = setting.scale
    if experiment.data == STREET:
        scale = on_street(scale, setting.data.get(CAMVID))
    copy, frames = copied(experiment.data, setting), open_frames(experiment, setting, scale)
    folder = order.out / experiment.data / f"copy_{copy}" if copy else order.out / experiment.data
    name, maps = setting.original(experiment.data)
    original = None if maps else open_segmenter(frames, scale, folder / "segmenter", order.command, name)
    released = setting.protocol == RELEASED_SCRIPTS
    place = folder / f"released_{setting.noise}" if released else folder
    study = CooperationStudy(frames, scale, place, order.command, original, setting.extractor, setting.workers)
    first = scale.training.seed
    seeds = range(first, first + scale.seeds)
    rows = study.run(experiment.parts, seeds, order.jobs)
    rivals = {
        row: RivalStudy(
            frames, scale, place / row, order.command, restoring(scale.training), (row,), setting.rivals
        ).run_all(seeds, order.jobs)
        for row in experiment.parts
    }
    net = restored(study.place_of(Trial(experiment.parts[0], first), COOPERATIVE))
    parts: dict[str, nn.Module] = {"original segmenter": original.module} if original else {}
    parts |= {"G1": net.sgada, "G2": net.egsyn}
    return {
        "name": experiment.data,
        "protocol": setting.protocol,
        "noise": setting.noise,
        "copy": copy,
        "command": order.command,
        "scale": scale.name,
        "data": list(frames.description),
        "segmenter": origin(original) if original else "given label maps of the degraded frames (--originals)",
        "reflected": "pictures of another set" if setting.reflections else "the frame itself",
        "commits": study.commits(),
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "clean": judge_segmenter(original.module, frames) if original else None,
        "rows": rows,
        "rivals": rivals,
    }


def restoring(config: PaperARun) -> PaperARun:
    """The training of a rival: the steps of stages 2 and 3 on the crops of stage 2, as EGSyn alone takes them."""
    return replace(config, steps=config.egsyn_steps + config.steps)


def origin(segmenter: Segmenter) -> str:
    """The origin of the original segmentation, in words."""
    if segmenter.command:
        return f"the base segmenter of a checkpoint by `{segmenter.command}`"
    return str(segmenter.record.get("name", "a small segmenter trained first, on clear frames alone"))


def copied(data: str, setting: Setting) -> str:
    """The degradation of these data if they are a degraded copy, else an empty text.

    Raises ValueError if the copy was made by another protocol than the rows are of.
    """
    made = made_of(setting.data[data]) if data in setting.data else None
    if made is None:
        return ""
    same_noise = made.noise == setting.noise or made.degradation != "gaussian_noise"
    if made.degradation in RELEASED and not (made.protocol == setting.protocol and same_noise):
        raise ValueError(
            f"{setting.data[data]}: a copy by --protocol {made.protocol} --noise {made.noise}, but these rows are of "
            f"--protocol {setting.protocol} --noise {setting.noise}; give the copy's options"
        )
    return made.degradation


def open_frames(experiment: Experiment, setting: Setting, scale: CooperationScale) -> Frames:
    """The experiment's frames; raises FileNotFoundError and ValueError as `data_set_frames`."""
    degrader = Degrader(setting.protocol, setting.noise, setting.reflections)
    maps = setting.original(experiment.data)[1]
    if experiment.data == STREET:
        if maps:
            raise ValueError(f"--originals: street scenes are degraded as they are used; name a set in {DATA_SETS[1:]}")
        return street_frames(scale.training.data, scale.frames, degrader)
    root = setting.data[experiment.data]
    return data_set_frames(experiment.data, root, experiment.parts, scale.frames, degrader, setting.fog, maps)


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

    judged = judge(perceive, frames.judged("clear"), len(frames.classes), VOID, released=True).result()
    return {"text": judged["original"]["set"], "released": judged["released"]["original"]}
