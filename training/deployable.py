"""A trained model, ready to export or judge: under the model file's contract, with base segmenter and origin."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.config import RunConfig, without_places
from training.data.classes import CLASSES, VOID
from training.data.readers.sets import PairSet
from training.data.sample import Sample
from training.data.source import licence_of
from training.judging.judge import Frame, degraded_frames, judge
from training.judging.pairs import ids_of, paired_frames, spread_over, strength
from training.loop import processes
from training.loop.checkpoint import Checkpoint
from weather_perception.core.contract import Manifest, SemanticClass

UNKNOWN_WEATHER = ("unknown",)
"""The weather types of a model that does not recognise the weather."""


@dataclass(frozen=True)
class Deployable:
    """A checkpoint's model and its base segmenter, two modules that follow the model file's contract.

    `parts`: the networks by name. `training`: this entry of the manifest. `conditions`: the degradations to judge it
    under. `classes`: those of the masks. The manifest keeps the parts' sizes, `trained_under` and `limits` (a Markdown
    list) for the model card.
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
    classes: tuple[SemanticClass, ...] = CLASSES

    def manifest(self, name: str) -> Manifest:
        """The manifest of a model file called `name`."""
        training = {
            **self.training,
            "parameters": {part: _count(network) for part, network in self.parts.items()},
            "trained_under": self.trained_under,
            "limits": self.limits,
        }
        return Manifest(name, self.classes, self.weathers, self.gates, training, torch.__version__)

    def base_manifest(self, name: str) -> Manifest:
        """The manifest of the base segmenter's model file called `name`."""
        training = {**self.training, "parameters": {"segmenter": _count(self.base)}, "metrics": {}}
        return Manifest(name, self.classes, UNKNOWN_WEATHER, (), training, torch.__version__)

    def evaluate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The scores of every condition on unseen clear samples: `Judged.result`, and the weather accuracy.

        `weather_accuracy`, 0..1, is there only if the model has the condition as a weather type. Raises ValueError as
        `check_streets`.
        """
        self.check_streets()
        return {name: self._judge(name, degraded_frames(samples, name), len(samples)) for name in self.conditions}

    def check_streets(self) -> None:
        """Raises ValueError if the masks are not of the street classes."""
        if self.classes != CLASSES:
            raise ValueError(
                f"its masks have the {len(self.classes)} classes of its data, which no street scene has; judge it on "
                "such data with --pairs ROOT"
            )

    def evaluate_pairs(self, pairs: PairSet, limit: int = 0) -> dict[str, Any]:
        """The same scores by the weather of pairs, those of a set that names none as `degraded`.

        `limit`: pairs of each weather at most, 0 for all. The masks are scored if the pairs have labels of the model's
        classes, or of Cityscapes' if these are the street's.
        """
        by_weather: dict[str, list[int]] = {}
        for index, weather in enumerate(pairs.weathers):
            by_weather.setdefault(weather or "degraded", []).append(index)
        table = ids_of(pairs.classes, self.classes)
        found = {}
        for name, indices in by_weather.items():
            chosen = [indices[place] for place in spread_over([strength(pairs.attributes[i]) for i in indices], limit)]
            found[name] = self._judge(name, paired_frames(pairs, chosen, table), len(chosen))
        return found

    def _judge(self, condition: str, frames: Iterable[Frame], count: int) -> dict[str, Any]:
        right: list[bool] = []
        device = processes.launch().device
        model, base = self.model.to(device), self.base.to(device)

        def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            restored, labels, _, weather_BK, _ = model(frame_BHW3.to(device))
            right.append(self.weathers[int(weather_BK.argmax())] == condition)
            return base(frame_BHW3.to(device))[1], labels, restored

        judged = judge(perceive, tqdm(frames, condition, count, unit="frame"), len(self.classes), VOID).result()
        if condition in self.weathers:
            judged["weather_accuracy"] = round(torch.tensor(right).double().mean().item(), 4)
        return judged


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


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
