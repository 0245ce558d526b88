"""Settings that all recipes share: those of the run, its data and its loop."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

Precision = Literal["32-true", "bf16-mixed"]


def place() -> Any:
    """A dataclass field with the path of a file or folder on this machine; empty for none.

    Its value may change when a run continues, and model files do not contain it.
    """
    return field(default="", metadata={"place": True})


@dataclass(frozen=True)
class LoopConfig:
    """Settings of the training loop.

    `gradient_clip`: largest norm of a phase's gradient, 0 for no limit. `accumulate`: micro-batches per optimiser step.
    `average_decay`: decay of the moving average of the weights, 0 for no average. `workers`: processes that make the
    examples. `*_every`: optimiser steps between two checkpoints or image grids.
    """

    seed: int = 0
    checkpoint_every: int = 500
    gradient_clip: float = 1.0
    accumulate: int = 1
    precision: Precision = "32-true"
    average_decay: float = 0.0
    workers: int = 1
    images_every: int = 500


REAL_SETS = ("camvid", "pandaset", "chiba", "lund", "udacity")
"""Sets of real streets; each has a root and a share in DataConfig, and an option in training.train."""


@dataclass(frozen=True)
class DataConfig:
    """Clear frames to degrade: procedural drives with the seeds 0 .. `drives` - 1, and those of the sets with a root.

    `height`, `width` of a procedural frame and `crop` (rows, columns) are in pixels. `*_share`: the set's share of the
    examples, 0..1; procedural drives give the rest.
    """

    drives: int = 150
    frames_per_drive: int = 4
    height: int = 360
    width: int = 640
    crop: tuple[int, int] = (160, 224)
    camvid_root: str = place()
    camvid_drives: tuple[str, ...] = ("0001TP", "0006R0")
    camvid_share: float = 0.4
    pandaset_root: str = place()
    pandaset_share: float = 0.2
    chiba_root: str = place()
    chiba_share: float = 0.3
    lund_root: str = place()
    lund_share: float = 0.05
    udacity_root: str = place()
    udacity_share: float = 0.05

    @property
    def real_sets(self) -> tuple[str, ...]:
        """The names of the sets with a root, as training.train's options have them."""
        return tuple(name for name in REAL_SETS if getattr(self, f"{name}_root"))


@dataclass(frozen=True)
class PairedSetConfig:
    """Pairs on disk instead of street scenes: a data set's `root`, and its `split` and `layout` if it has several."""

    root: str = place()
    split: str = ""
    layout: str = ""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Settings that the runs of all recipes have: length, examples and optimiser. Each recipe adds its own.

    `steps`: optimiser steps of the last stage. `batch`: examples of one step, over all processes. `learning_rate`: the
    highest rate.
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
        """The settings of the loop; `more` are those that RunConfig does not have."""
        return LoopConfig(self.seed, self.checkpoint_every, self.gradient_clip, **more)

    def check_tasks(self, tasks: Sequence[str], stride: int) -> None:
        """Raises ValueError unless the crop is a multiple of `stride` and the batch one of the number of tasks."""
        if any(side % stride for side in self.data.crop):
            raise ValueError(f"data.crop: {self.data.crop} must be multiples of the network's stride, {stride}")
        if not tasks or len(set(tasks)) != len(tasks):
            raise ValueError(f"tasks: name one or more, each once, got {tasks}")
        if self.batch % len(tasks):
            raise ValueError(
                f"batch: {self.batch} is not a multiple of the {len(tasks)} tasks {', '.join(tasks)}; each step takes "
                "the same number of examples of each"
            )


def places(config: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all `place` fields, also those of nested dataclasses."""
    for item in fields(config):
        value = getattr(config, item.name)
        if item.metadata.get("place"):
            yield prefix + item.name
        elif is_dataclass(value):
            yield from places(value, f"{prefix}{item.name}.")


def without_places(config: Any) -> dict[str, Any]:
    """The configuration for a model file: nested dicts without the `place` fields."""
    settings = dataclasses.asdict(config)
    for name in places(config):
        *groups, last = name.split(".")
        holder = settings
        for group in groups:
            holder = holder[group]
        del holder[last]
    return settings
