"""Settings that every way of training a model shares: the run, its data, and how the loop runs."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

Precision = Literal["32-true", "bf16-mixed"]


def place() -> Any:
    """A field that names a file or folder of this machine, empty for none.

    It may differ between a run and the one that continues it, and no model file mentions it.
    """
    return field(default="", metadata={"place": True})


@dataclass(frozen=True)
class LoopConfig:
    """How the training loop runs, whatever it trains.

    `gradient_clip`: largest norm of a phase's gradient, 0 for none. `accumulate`: micro-batches that one optimiser step
    adds up. `average_decay`: of the moving average of the weights, 0 for none. `workers`: processes that make the
    examples. `*_every`: optimiser steps.
    """

    seed: int = 0
    checkpoint_every: int = 500
    gradient_clip: float = 1.0
    accumulate: int = 1
    precision: Precision = "32-true"
    average_decay: float = 0.0
    workers: int = 1
    images_every: int = 500


@dataclass(frozen=True)
class DataConfig:
    """Clear frames to degrade: procedural drives of seeds 0 .. `drives` - 1, and CamVid's if its root is given.

    `height`, `width` of a procedural frame and `crop` (rows, columns) are in pixels. `camvid_share`: of the examples,
    0..1.
    """

    drives: int = 150
    frames_per_drive: int = 4
    height: int = 360
    width: int = 640
    crop: tuple[int, int] = (160, 224)
    camvid_root: str = place()
    camvid_drives: tuple[str, ...] = ("0001TP", "0006R0")
    camvid_share: float = 0.4


@dataclass(frozen=True)
class PairedSetConfig:
    """Pairs on disk to train on in place of street scenes: `root` of a data set, and its `split` if it has several."""

    root: str = place()
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One training, whatever its recipe: its length, its examples and its optimiser.

    `steps` are those of the last stage, in optimiser steps, `batch` the examples of each over all processes.
    `learning_rate` is the highest. A recipe adds its network's settings and its own.
    """

    name: str
    steps: int
    seed: int = 0
    batch: int = 8
    learning_rate: float = 1e-3
    gradient_clip: float = 0.0
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)

    def loop(self, **more: Any) -> LoopConfig:
        """The loop's settings, those that a run's configuration does not hold given by name."""
        return LoopConfig(self.seed, self.checkpoint_every, self.gradient_clip, **more)

    def check_tasks(self, tasks: Sequence[str], stride: int) -> None:
        """Raises ValueError unless the crop is a multiple of `stride`, and the batch one of the number of tasks."""
        if any(side % stride for side in self.data.crop):
            raise ValueError(f"data.crop: {self.data.crop} must be multiples of the network's stride, {stride}")
        if not tasks or len(set(tasks)) != len(tasks):
            raise ValueError(f"tasks: name one or more, each once, got {tasks}")
        if self.batch % len(tasks):
            raise ValueError(
                f"batch: {self.batch} is no multiple of the {len(tasks)} tasks {', '.join(tasks)}; each step takes "
                "equally many examples of each"
            )


def places(config: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields made by `place`, nested dataclasses' too."""
    for item in fields(config):
        value = getattr(config, item.name)
        if item.metadata.get("place"):
            yield prefix + item.name
        elif is_dataclass(value):
            yield from places(value, f"{prefix}{item.name}.")


def without_places(config: Any) -> dict[str, Any]:
    """The configuration as nested dicts without the fields made by `place`: what a model file may say of it."""
    settings = dataclasses.asdict(config)
    for name in places(config):
        *groups, last = name.split(".")
        holder = settings
        for group in groups:
            holder = holder[group]
        del holder[last]
    return settings
