"""Settings of a training run, and its named presets as functions that return them."""

from dataclasses import dataclass, field
from typing import Literal

Precision = Literal["32-true", "bf16-mixed"]


@dataclass(frozen=True)
class LoopConfig:
    """How the training loop runs, whatever it trains.

    `gradient_clip`: largest norm of a phase's gradient, 0 for none. `accumulate`: micro-batches that one optimiser step
    adds up. `average_decay`: of the moving average of the weights, 0 for none. `*_every`: optimiser steps.
    """

    seed: int = 0
    checkpoint_every: int = 500
    gradient_clip: float = 1.0
    accumulate: int = 1
    precision: Precision = "32-true"
    average_decay: float = 0.0
    images_every: int = 500


@dataclass(frozen=True)
class ModelConfig:
    """Widths (channels) of the deployable model at a quarter, an eighth and a sixteenth of the frame's size."""

    classes: int = 11
    weathers: int = 4
    encoder_experts: int = 3
    width4: int = 48
    width8: int = 64
    width16: int = 80
    segmenter_widths: tuple[int, int, int] = (32, 48, 80)


@dataclass(frozen=True)
class DataConfig:
    """What a run trains on: procedural drives of seeds 0 .. `drives` - 1; `crop` in rows, columns, multiples of 16."""

    drives: int = 150
    frames_per_drive: int = 4
    height: int = 360
    width: int = 640
    crop: tuple[int, int] = (160, 224)
    camvid_root: str = ""
    camvid_drives: tuple[str, ...] = ("0001TP", "0006R0")
    camvid_share: float = 0.4


@dataclass(frozen=True)
class PairedSetConfig:
    """Pairs on disk to train on in place of street scenes: `root` of a data set, its `split` where it has several."""

    root: str = ""
    split: str = ""


@dataclass(frozen=True)
class TrainConfig:
    """One run: its data, its length and its loss weights."""

    name: str
    steps: int
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    seed: int = 0
    batch: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    restoration_weight: float = 10.0
    edge_weight: float = 0.05
    squared_weight: float = 0.0
    segmentation_weight: float = 0.5
    base_weight: float = 0.5
    weather_weight: float = 0.3
    balance_weight: float = 0.01
    checkpoint_every: int = 500


def quick() -> TrainConfig:
    """At most ten minutes on two CPU cores: procedural scenes only."""
    return TrainConfig("quick", steps=700, data=DataConfig(drives=60), warmup_steps=60)


def default(camvid_root: str = "") -> TrainConfig:
    """The run behind models/default.pt2: procedural scenes, and CamVid where its root is given."""
    return TrainConfig("default", steps=7000, data=DataConfig(camvid_root=camvid_root))


def finish(camvid_root: str = "") -> TrainConfig:
    """The end of a default run, from its weights: crops of nearly whole frames, and the squared error too.

    Small crops teach texture; how much light fog has added is seen only in the whole frame, and where it cannot be seen
    the mean of what may be there is the better answer than the median.
    """
    data = DataConfig(crop=(288, 512), camvid_root=camvid_root)
    return TrainConfig(
        "finish", steps=2000, data=data, seed=1, batch=3, learning_rate=4e-4, warmup_steps=100, squared_weight=4.0
    )


def smoke() -> TrainConfig:
    """A few steps on tiny crops, for tests of the loop itself."""
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 80))
    return TrainConfig("smoke", steps=4, data=data, batch=4, warmup_steps=1, checkpoint_every=2)


PRESETS = {"quick": quick, "default": default, "finish": finish, "smoke": smoke}
