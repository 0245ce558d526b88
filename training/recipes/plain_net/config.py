"""Settings of a plain network's training, and its presets."""

from dataclasses import dataclass

from training.config import DataConfig
from training.recipes.joint import RestorationRun

NAFNET = "training.recipes.plain_net.nafnet:nafnet"


@dataclass(frozen=True, kw_only=True)
class PlainRun(RestorationRun):
    """A training of any network on the deployable model's examples.

    `network`: its factory, MODULE:FUNCTION. `looks`: as StreetNetRun's.
    """

    network: str = NAFNET
    looks: float = 0.5
    gradient_clip: float = 5.0
    restoration_weight: float = 1.0
    log_weight: float = 1.0


def plain() -> PlainRun:
    """Any network, with the data and the length of street."""
    data = DataConfig(drives=300, crop=(288, 512), camvid_share=0.2)
    return PlainRun(name="plain", steps=10_000, data=data, batch=32, learning_rate=1.5e-3, warmup_steps=300)


def plain_long() -> PlainRun:
    """Any network, with the data and the length of street_long; an hour on two CPU cores."""
    return PlainRun(name="plain_long", steps=5000, data=DataConfig(crop=(192, 320)))


def plain_smoke() -> PlainRun:
    """A few steps on tiny crops, for tests of the loop."""
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 80))
    return PlainRun(name="plain_smoke", steps=4, data=data, batch=4, warmup_steps=1, checkpoint_every=2)


PRESETS = {"plain": plain, "plain_long": plain_long, "plain_smoke": plain_smoke}
