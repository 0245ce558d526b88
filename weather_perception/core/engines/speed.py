"""Measures how fast an engine is beside the reference, on this machine, in one run."""

import time

import numpy as np

from weather_perception.core.contract import Image
from weather_perception.core.engines.base import Engine, Target
from weather_perception.core.engines.cache import Entry
from weather_perception.core.engines.frames import fixed_frames

LEAST_SPEED = 0.8
"""Below this ratio an engine counts as slower than the reference: `auto` does without it."""

_SECONDS = 1.0
_LEAST_ROUNDS, _MOST_ROUNDS = 5, 30


def measure_speed(engine: Engine, reference: Engine, target: Target) -> float:
    """The reference's shortest time for a batch of the target, divided by the engine's.

    They run in turn, so that a busy machine slows both.
    """
    frames = np.resize(fixed_frames(target.height, target.width), (target.at_once, target.height, target.width, 3))
    shortest = dict.fromkeys((engine, reference), np.inf)
    begun, rounds = time.perf_counter(), 0
    while rounds < _LEAST_ROUNDS or (rounds < _MOST_ROUNDS and time.perf_counter() - begun < _SECONDS):
        for runner in shortest:
            shortest[runner] = min(shortest[runner], _seconds(runner, frames))
        rounds += 1
    return float(shortest[reference] / shortest[engine])


def _seconds(engine: Engine, image_BHW3: Image) -> float:
    begun = time.perf_counter()
    engine.infer(image_BHW3)
    return time.perf_counter() - begun


def why_too_slow(entry: Entry) -> str:
    """Why `auto` does without a built engine; empty if it is no slower than the reference, or was not measured."""
    speed = entry.notes.get("speed")
    if speed is None or speed >= LEAST_SPEED:
        return ""
    return f"{entry.key.backend}: only {speed:.2f} times as fast as torch at {entry.key.height}x{entry.key.width} here"
