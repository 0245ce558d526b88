"""A recipe: one way of training a model, from its presets to the model file.

A recipe joins settings, networks, objectives and data, which do not know each other. The commands (train, evaluate,
export, unpack, complexity) know only recipes; `training.recipes.RECIPES` lists them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import cattrs
import torch
from lightning_fabric import Fabric
from torch import nn

from training.config import LoopConfig, RunConfig, places
from training.data.classes import CLASSES
from training.data.examples import Examples
from training.data.source import Source, merged
from training.deployable import Deployable
from training.loop.checkpoint import Checkpoint, CheckpointError, Record, current_commit
from training.loop.stages import Stage
from training.loop.trainer import Trainer
from training.segmenters.find import Segmenter
from weather_perception.core.contract import SemanticClass

Config = TypeVar("Config", bound=RunConfig)


Finish = Callable[[Trainer, Path], None]
"""A function of a trainer after its last step, and of the checkpoint's folder."""


def nothing_more(_trainer: Trainer, _folder: Path) -> None:
    """Do nothing after the last step."""


@dataclass(frozen=True)
class Run:
    """A complete training before its first step.

    `config`: also has the settings that follow from the data, such as the number of classes. `teachers`: sources of the
    first weights and of networks that the run learns from. `earlier`: the commands that made these. `segmenter`: the
    record of the segmenter among `networks`, if there is one. `finish`: runs after the last step, with the trainer and
    the checkpoint's folder. `classes`: those of the masks.
    """

    config: RunConfig
    networks: Mapping[str, nn.Module]
    stages: tuple[Stage, ...]
    examples: Examples
    teachers: tuple[Source, ...] = ()
    earlier: str = ""
    segmenter: Mapping[str, Any] | None = None
    finish: Finish = nothing_more
    classes: tuple[SemanticClass, ...] = CLASSES

    @property
    def sources(self) -> tuple[Source, ...]:
        """The data sets and networks that the weights learn from."""
        return merged(self.teachers, self.examples.sources)


@dataclass(frozen=True)
class Recipe(Generic[Config]):
    """One way of training a model; every checkpoint records the `name` of its recipe.

    `title`: its name in the model card. `presets`: configurations by their names in training.train. `add_options`: adds
    the recipe's own options to training.train. `configure`: applies these options, and raises ValueError. `arguments`:
    the inverse, the options as text, without this machine's paths.
    `assemble`: builds a run, after the seed is set; raises CheckpointError, FileNotFoundError, ImportError or
    ValueError. `deploy`: builds the deployable model from a checkpoint and the segmenter for its mask. `frame`: the
    untrained network that a frame [1, 3, H, W], 0..1, passes through; only to measure its cost.
    """

    name: str
    title: str
    config: type[Config]
    presets: Mapping[str, Callable[[], Config]]
    add_options: Callable[[ArgumentParser], None]
    configure: Callable[[Config, Namespace], Config]
    arguments: Callable[[Config], str]
    assemble: Callable[[Config, Fabric], Run]
    deploy: Callable[[Checkpoint, Config, Segmenter], Deployable]
    frame: Callable[[Config], nn.Module]

    def begin(self, config: Config, fabric: Fabric) -> Run:
        """The run before its first step; the first weights depend only on the seed. Raises the errors of `assemble`."""
        torch.manual_seed(config.seed)
        return self.assemble(config, fabric)

    def trainer(self, run: Run, fabric: Fabric, loop: LoopConfig, command: str = "") -> Trainer:
        """The trainer of a run; its checkpoints record `command`, by default the command of training.train."""
        record = Record(
            self.name,
            cattrs.unstructure(run.config),
            command or self.command(run.config),  # type: ignore[arg-type]  # of this recipe's configuration
            current_commit(),
            run.sources,
            run.earlier,
            run.segmenter,
            ("steps", "checkpoint_every", *places(run.config)),
            run.classes,
        )
        return Trainer(fabric, run.networks, run.stages, loop, record)

    def command(self, config: Config) -> str:
        """The training.train command for this run, without this machine's paths."""
        roots = "".join(f" --{name} {name.upper()}_ROOT" for name in config.data.real_sets)
        return f"python -m training.train {config.name} --steps {config.steps}{self.arguments(config)}{roots}"

    def read(self, saved: Checkpoint) -> Config:
        """The configuration in a checkpoint of this recipe; raises CheckpointError if it is of an older version."""
        try:
            return cattrs.structure(saved.config, self.config)
        except Exception as error:  # cattrs raises groups of any errors
            raise CheckpointError(
                f"{saved.folder}: its configuration does not fit {self.name} ({error}); train it again"
            ) from error
