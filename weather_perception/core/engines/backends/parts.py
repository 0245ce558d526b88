"""Runs batches of any size by what was compiled for exactly so many frames."""

from collections.abc import Callable

import numpy as np

from weather_perception.core.contract import Image, Outputs


def in_parts(run: Callable[[Image], Outputs], image_BHW3: Image, frames: int) -> Outputs:
    """Hand `run` parts of exactly `frames`, the last one filled up with its last frame, and join the answers."""
    if len(image_BHW3) == frames:
        return run(image_BHW3)
    answers = []
    for start in range(0, len(image_BHW3), frames):
        part = image_BHW3[start : start + frames]
        filled = np.concatenate([part, np.repeat(part[-1:], frames - len(part), axis=0)])
        answers.append([output[: len(part)] for output in run(filled)])
    return Outputs(*map(np.concatenate, zip(*answers, strict=True)))
