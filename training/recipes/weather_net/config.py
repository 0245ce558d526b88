"""Settings of the former deployable model and its training, and its presets."""

from dataclasses import dataclass, field

from training.config import DataConfig
from training.recipes.joint import JointRun


@dataclass(frozen=True)
class WeatherNetConfig:
    """Settings of the network; `width4` to `width16`: channels at 1/4, 1/8 and 1/16 of the frame's size."""

    classes: int = 11
    weathers: int = 4
    encoder_experts: int = 3
    width4: int = 48
    width8: int = 64
    width16: int = 80
    segmenter_widths: tuple[int, int, int] = (32, 48, 80)


@dataclass(frozen=True, kw_only=True)
class WeatherNetRun(JointRun):
    """A training of the former deployable model, with loss weights; `init`: a checkpoint with the first weights."""

    model: WeatherNetConfig = field(default_factory=WeatherNetConfig)


def quick() -> WeatherNetRun:
    """Procedural scenes only; at most ten minutes on two CPU cores."""
    return WeatherNetRun(name="quick", steps=700, data=DataConfig(drives=60), warmup_steps=60)


def default() -> WeatherNetRun:
    """The run behind the former default model: procedural scenes, and CamVid if its root is given."""
    return WeatherNetRun(name="default", steps=7000)


def finish() -> WeatherNetRun:
    """Continue from a default run with crops of nearly whole frames, and the squared error as a further term.

    Small crops teach texture, but only a whole frame shows how much light fog has added. If even the frame does not
    show it, the mean of the possible answers, which the squared error favours, is better than their median.
    """
    return WeatherNetRun(
        name="finish",
        steps=2000,
        data=DataConfig(crop=(288, 512)),
        seed=1,
        batch=3,
        learning_rate=4e-4,
        warmup_steps=100,
        squared_weight=4.0,
    )


def smoke() -> WeatherNetRun:
    """A few steps on tiny crops, for tests of the loop."""
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 80))
    return WeatherNetRun(name="smoke", steps=4, data=data, batch=4, warmup_steps=1, checkpoint_every=2)


PRESETS = {"quick": quick, "default": default, "finish": finish, "smoke": smoke}
