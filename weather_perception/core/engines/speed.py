"""Measures how fast an engine is beside the reference, on this machine, in one run."""

import time

import numpy as np

from weather_perception.core.contract import Image
from weather_perception.core.engines.base import Engine, Target
from weather_perception.core.engines.cache import Entry
from weather_perception.core.engines.frames import fixed_frames

LEAST_SPEED = 0.8
"""Below this ratio an engine is clearly slower than the reference, and `auto` does without it.

Not 1, because two measurements of one engine on a busy machine may differ by a tenth.
"""

_SECONDS = 1.0
_LEAST_ROUNDS, _MOST_ROUNDS = 5, 30


def measure_speed(engine: Engine, reference: Engine, target: Target) -> float:
    """The reference's shortest time for a batch of the target, divided by the engine's.

    They run in turn, so that a busy machine slows both.
    """
    frames = np.resize(fixed_frames(target.height, target.width), (target.at_once, target.height, target.width, 3))
    own_times: list[float] = []
    reference_times: list[float] = []
    begun = time.perf_counter()
    while len(own_times) < _LEAST_ROUNDS or (len(own_times) < _MOST_ROUNDS and time.perf_counter() - begun < _SECONDS):
        own_times.append(_seconds(engine, frames))
        reference_times.append(_seconds(reference, frames))
    return min(reference_times) / min(own_times)


def _seconds(engine: Engine, image_BHW3: Image) -> float:
    begun = time.perf_counter()
    engine.infer(image_BHW3)
    return time.perf_counter() - begun


def why_too_slow(entry: Entry) -> str:
    """Why `auto` does without a built engine; empty unless it was measured and found clearly slower."""
    speed = entry.notes.get("speed")
    if speed is None or speed >= LEAST_SPEED:
        return ""
    key = entry.key
    size = f"{key.height}x{key.width}, {key.precision}"
    return f"{key.backend}: only {speed:.2f} times as fast as torch at {size} (delete {entry.folder} to time it again)"
