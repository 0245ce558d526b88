"""A trained model as it is handed out: under the model file's contract, with its base segmenter and what is known."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.data.classes import CLASSES
from training.data.sample import Sample
from training.segmenters.restore_checkpoint import HUGGING_FACE
from weather_perception.core.contract import Manifest

METRICS_FILE = "metrics.json"
UNKNOWN_WEATHER = ("unknown",)
"""The weather types of a model that does not tell weathers apart."""


@dataclass(frozen=True)
class CardText:
    """What the model card says of this kind of model.

    `columns` names figures of a row of `evaluate`, nested ones joined by dots, and gives their headings; `condition` is
    the heading of the rows. `sets` gives the headings of the tables.
    """

    trained_under: str
    condition: str
    columns: Mapping[str, str]
    sets: Mapping[str, str]
    limits: str


@dataclass(frozen=True)
class Deployable:
    """A checkpoint's model and its base segmenter, both modules of the model file's contract.

    `parts` are the networks by name, `training` is the manifest's. `evaluate` judges the model on clear samples that it
    has not seen, under each degradation: figures by the degradation's name.
    """

    model: nn.Module
    base: nn.Module
    weathers: tuple[str, ...]
    gates: tuple[str, ...]
    parts: Mapping[str, nn.Module]
    training: Mapping[str, Any]
    evaluate: Callable[[Sequence[Sample]], dict[str, Any]]
    card: CardText

    def manifest(self, name: str) -> Manifest:
        """The manifest of the model file called `name`."""
        return manifest(name, self.weathers, self.gates, self.training)

    def base_manifest(self, name: str) -> Manifest:
        """The manifest of the base segmenter's file."""
        return manifest(name, UNKNOWN_WEATHER, (), {**self.training, "metrics": {}})


def manifest(name: str, weathers: tuple[str, ...], gates: tuple[str, ...], training: Mapping[str, Any]) -> Manifest:
    """The manifest of a model trained here."""
    return Manifest(name, CLASSES, weathers, gates, training, torch.__version__)


def provenance(folder: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The manifest's `training`: what a checkpoint learned from, under which licence, how, and how well.

    Its command lists every run behind it: data that an earlier one learned from are in the weights still.
    """
    config = state["config"]
    data, licence = data_and_licence(config, state["command"])
    metrics = folder / METRICS_FILE
    settings = config | {"data": {key: value for key, value in config["data"].items() if key != "camvid_root"}}
    return {
        "data": data,
        "licence": licence,
        "command": state["command"],
        "commit": state["commit"],
        "metrics": json.loads(metrics.read_text()) if metrics.exists() else {},
        "steps": state["step"],
        "config": settings,
    }


def data_and_licence(config: Mapping[str, Any], command: str) -> tuple[list[str], str]:
    """What a run learned from, and the licence of what came of it: that of every data set and network in it."""
    data, licence = ["procedural street scenes of this project"], "Apache-2.0"
    data_set = config.get("data_set")
    if data_set:
        terms = f"the data set {data_set}, licence: see the data set's terms"
        data, licence = [terms], f"Apache-2.0; trained on {terms}"
    if _has_camvid(config, command):
        drives = ", ".join(config["data"]["camvid_drives"])
        data.append(f"CamVid, training frames of drives {drives} (Brostow, Fauqueur, Cipolla 2009), CC BY-NC 4.0")
        restricted = "CC BY-NC 4.0: trained on CamVid, research use only"
        licence = f"{restricted}; trained on {terms}" if data_set else restricted
    segmenter = config.get("segmenter", {})
    if segmenter.get("kind") == HUGGING_FACE:
        licence += f"; part of it is the Hugging Face segmenter {segmenter['name']}, licence: see its own page"
    return data, licence


def _has_camvid(config: Mapping[str, Any], command: str) -> bool:
    """Whether CamVid's frames are among the data; of a data set's own run, `camvid=` in the command names another's."""
    reproduced = "camvid=" in command and "data_set" not in config
    return reproduced or "--camvid " in command or bool(config["data"]["camvid_root"])
