"""A trained model, ready to export or judge: under the model file's contract, with base segmenter and origin."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.config import RunConfig, without_places
from training.data.classes import CLASSES, VOID
from training.data.sample import Sample
from training.data.source import licence_of
from training.judging.judge import degraded_frames, judge
from training.loop.checkpoint import Checkpoint
from weather_perception.core.contract import Manifest

UNKNOWN_WEATHER = ("unknown",)
"""The weather types of a model that does not recognise the weather."""


@dataclass(frozen=True)
class Deployable:
    """A checkpoint's model and its base segmenter, two modules that follow the model file's contract.

    `parts`: the networks by name. `training`: this entry of the manifest. `conditions`: the degradations to judge it
    under. `trained_under` and `limits` (a Markdown list) are for the model card.
    """

    model: nn.Module
    base: nn.Module
    parts: Mapping[str, nn.Module]
    training: Mapping[str, Any]
    conditions: Sequence[str]
    trained_under: str
    limits: str
    weathers: tuple[str, ...] = UNKNOWN_WEATHER
    gates: tuple[str, ...] = field(default=())

    def manifest(self, name: str) -> Manifest:
        """The manifest of a model file called `name`."""
        return manifest(name, self.weathers, self.gates, self.training)

    def base_manifest(self, name: str) -> Manifest:
        """The manifest of the base segmenter's model file called `name`."""
        return manifest(name, UNKNOWN_WEATHER, (), {**self.training, "metrics": {}})

    def evaluate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The scores of every condition on unseen clear samples: `Judged.result`, and the weather accuracy.

        `weather_accuracy`, 0..1, is there only if the model has the condition as a weather type.
        """
        return {condition: self._evaluate_in(condition, samples) for condition in self.conditions}

    def _evaluate_in(self, condition: str, samples: Sequence[Sample]) -> dict[str, Any]:
        right: list[bool] = []

        def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            restored, labels, _, weather_BK, _ = self.model(frame_BHW3)
            right.append(self.weathers[int(weather_BK.argmax())] == condition)
            return self.base(frame_BHW3)[1], labels, restored

        frames = tqdm(degraded_frames(samples, condition), condition, len(samples), unit="frame")
        judged = judge(perceive, frames, len(CLASSES), VOID).result()
        if condition in self.weathers:
            judged["weather_accuracy"] = round(torch.tensor(right).double().mean().item(), 4)
        return judged


def manifest(name: str, weathers: tuple[str, ...], gates: tuple[str, ...], training: Mapping[str, Any]) -> Manifest:
    """The manifest of a model of this project."""
    return Manifest(name, CLASSES, weathers, gates, training, torch.__version__)


def metrics_file(folder: Path, averaged: bool) -> Path:
    """The file in a checkpoint's folder that keeps the scores of its weights, or of their moving averages."""
    return folder / ("metrics_averaged.json" if averaged else "metrics.json")


def provenance(saved: Checkpoint, config: RunConfig, **facts: Any) -> dict[str, Any]:
    """The manifest's `training`: sources, licence, commands, settings and scores of a checkpoint.

    `facts` are the recipe's own entries. `command` lists every run behind the weights.
    """
    metrics = metrics_file(saved.folder, saved.averaged)
    return {
        "data": [str(source) for source in saved.sources],
        "licence": licence_of(saved.sources),
        "sources": [source._asdict() for source in saved.sources],
        "recipe": saved.recipe,
        "command": saved.state["command"],
        "commit": saved.state["commit"],
        "metrics": json.loads(metrics.read_text()) if metrics.exists() else {},
        "steps": saved.state["step"],
        "averaged": saved.averaged,
        "config": json.loads(json.dumps(without_places(config))),
        **facts,
    }
