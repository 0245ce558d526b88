"""The models of a run: what the command line names, opened as pipelines, each with a short unique name."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weather_perception.core.engines.base import ENGINES, PRECISIONS, EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.pipeline import Pipeline
from weather_perception.core.resources import model_path
from weather_perception.replay.frames import ReplayError

BASELINE_FILE = "base.pt2"


@dataclass(frozen=True)
class Choice:
    """A model file with its engine, as the command line names it."""

    path: Path
    engine: str
    precision: str
    device: str

    def open(self) -> Pipeline:
        """The model's pipeline in this process."""
        return Pipeline(build_engine(str(self.path), EngineOptions(self.engine, self.device, precision=self.precision)))

    def __str__(self) -> str:
        precision = f":{self.precision}" if self.precision != PRECISIONS[0] else ""
        return f"{self.path.stem}@{self.engine}{precision}"


def choices(arguments: argparse.Namespace) -> list[Choice]:
    """The models that the command line names, the first by --model, the others by --compare."""
    first = Choice(model_path(arguments.model), arguments.engine, PRECISIONS[0], arguments.device)
    return [first, *(_compared(text, first) for text in arguments.compare or ())]


def _compared(text: str, first: Choice) -> Choice:
    """`MODEL`, `MODEL@ENGINE`, `@ENGINE` or `@ENGINE:PRECISION`; what is missing is as in `first`."""
    file, at, rest = text.rpartition("@") if "@" in text else (text, "", "")
    engine, _, precision = rest.partition(":")
    if at and engine not in ENGINES:
        raise ReplayError(f"--compare {text}: {engine!r} is not one of {', '.join(ENGINES)}")
    if precision and precision not in PRECISIONS:
        raise ReplayError(f"--compare {text}: {precision!r} is not one of {', '.join(PRECISIONS)}")
    path = model_path(file) if file else first.path
    return Choice(path, engine or first.engine, precision or PRECISIONS[0], first.device)


def names_of(chosen: Sequence[Choice]) -> list[str]:
    """A short unique name for each model: the file's, and the engine if it takes that to tell them apart."""
    short = [choice.path.stem for choice in chosen]
    names = short if len(set(short)) == len(short) else [str(choice) for choice in chosen]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise ReplayError(f"--compare: {twice} is there twice; compare models or engines that differ")
    return names


def baseline_path(wanted: str | None, model: Path) -> Path | None:
    """The baseline's file: the requested one, none, or base.pt2 beside the model if it exists."""
    if wanted == "none":
        return None
    if wanted is not None:
        return model_path(wanted)
    beside = model.parent / BASELINE_FILE
    return beside if beside.is_file() and beside != model else None
