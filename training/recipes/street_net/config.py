"""Settings of the deployable model and its training, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from training.config import DataConfig
from training.data.mixture import CONDITIONS
from training.recipes.joint import JointRun, TaughtRun


@dataclass(frozen=True)
class StreetNetConfig:
    """Settings of the network; `width4` to `width16`: channels at 1/4, 1/8 and 1/16 of the frame's size.

    `weathers`: the router's, clear first. `bins`: steps of brightness in the grid of levels. `trunk_width`: channels of
    the small view's features.
    """

    classes: int = 11
    weathers: tuple[str, ...] = CONDITIONS
    encoder_experts: int = 3
    bins: int = 4
    trunk_width: int = 96
    width4: int = 48
    width8: int = 64
    width16: int = 80
    segmenter_widths: tuple[int, int, int] = (32, 48, 80)


NANO = StreetNetConfig(trunk_width=64, width4=32, width8=48, width16=56, segmenter_widths=(24, 32, 56))
LARGE = StreetNetConfig(trunk_width=128, width4=96, width8=128, width16=160, segmenter_widths=(64, 96, 160))


@dataclass(frozen=True, kw_only=True)
class StreetNetRun(JointRun, TaughtRun):
    """A training of the deployable model, with loss weights.

    `restoration_steps`: steps of a first stage, in which the restoration and the router learn without the masks.
    `alone`: only this part learns, from the weights of `init`. `looks`: share of the examples that are shown as other
    cameras see them; when the masks learn alone, all are.
    `patch`: 0, or pixels: then the detail alone learns, on parts of this size, which a run on whole frames continues.
    `calibration_examples`: examples that calibrate the router after the last step, 0 for none.
    """

    model: StreetNetConfig = field(default_factory=StreetNetConfig)
    restoration_steps: int = 0
    alone: Literal["", "restoration", "masks"] = ""
    looks: float = 0.5
    patch: int = 0
    calibration_examples: int = 500
    gradient_clip: float = 5.0
    restoration_weight: float = 1.0
    log_weight: float = 1.0
    levels_weight: float = 0.3
    particles_weight: float = 1.0
    weather_weight: float = 1.0
    severity_weight: float = 0.3
    novelty_weight: float = 0.1


def street_quick() -> StreetNetRun:
    """Procedural scenes on small crops; for two CPU cores."""
    return StreetNetRun(name="street_quick", steps=700, data=DataConfig(drives=60), warmup_steps=60)


def street() -> StreetNetRun:
    """Large crops and whole frames, of real streets too if a root is given; for a GPU."""
    data = DataConfig(drives=300, crop=(288, 512), camvid_share=0.2)
    return StreetNetRun(
        name="street",
        steps=5000,
        data=data,
        batch=32,
        learning_rate=1.5e-3,
        warmup_steps=300,
        restoration_steps=5000,
        log_floor=1e-4,
    )


def street_nano() -> StreetNetRun:
    """As street, with half of the multiply-adds."""
    return replace(street(), name="street_nano", model=NANO)


def street_large() -> StreetNetRun:
    """As street, with three and a half times the multiply-adds; for a GPU."""
    return replace(street(), name="street_large", model=LARGE)


def street_particles() -> StreetNetRun:
    """The detail alone, on many small parts; a quarter of an hour on two CPU cores. The others continue it (`init`)."""
    data = DataConfig(crop=(192, 320))
    return StreetNetRun(
        name="street_particles", steps=10_000, data=data, batch=32, learning_rate=2e-3, checkpoint_every=1000, patch=64
    )


def street_long() -> StreetNetRun:
    """Half-size frames and crops, of real streets too if a root is given; an hour on two CPU cores."""
    data = DataConfig(crop=(192, 320))
    return StreetNetRun(name="street_long", steps=3000, data=data, restoration_steps=2000, log_floor=1e-4)


def street_restoration() -> StreetNetRun:
    """The restoration alone, continued from a run (`init`); street_masks then fits the masks to it. An hour on CPUs."""
    return StreetNetRun(
        name="street_restoration",
        steps=8000,
        data=street().data,
        learning_rate=5e-4,
        checkpoint_every=250,
        alone="restoration",
        log_floor=1e-4,
    )


def street_masks() -> StreetNetRun:
    """The masks alone, continued from a run (`init`): the restoration stays; a quarter of an hour on two CPU cores."""
    data = DataConfig(drives=300, crop=(192, 320), camvid_share=0.3)
    return StreetNetRun(name="street_masks", steps=3000, data=data, alone="masks")


def street_smoke() -> StreetNetRun:
    """A few steps on tiny crops, for tests of the loop."""
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 80))
    return StreetNetRun(
        name="street_smoke",
        steps=3,
        data=data,
        batch=4,
        warmup_steps=1,
        checkpoint_every=2,
        restoration_steps=1,
        calibration_examples=12,
    )


PRESETS = {
    "street": street,
    "street_nano": street_nano,
    "street_large": street_large,
    "street_particles": street_particles,
    "street_long": street_long,
    "street_restoration": street_restoration,
    "street_masks": street_masks,
    "street_quick": street_quick,
    "street_smoke": street_smoke,
}
