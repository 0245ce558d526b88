"""What the node's settings make of a perception: bypass, a floor for the mask, hysteresis, the answer to a failure."""

import math
from dataclasses import replace

import numpy as np

from weather_perception.core.config import NodeConfig
from weather_perception.core.contract import UNKNOWN_CLASS, Image, Manifest
from weather_perception.core.pipeline import UNKNOWN, Perception

CLEAR = "clear"
NOVELTY = "novelty"
"""The gate of a model that knows how unlike its training data a frame is, 0..1."""


def apply(perception: Perception, image_HW3: Image, config: NodeConfig) -> Perception:
    """The perception after `bypass_clear` and `min_confidence`; the arrays given are left as they are."""
    if config.bypass_clear and perception.weather.get(CLEAR, 0.0) >= config.bypass_clear:
        perception = replace(perception, restored_HW3=image_HW3)
    if config.min_confidence:
        doubtful_HW = perception.confidence_HW < 255 * config.min_confidence
        labels_HW = np.where(doubtful_HW, np.uint8(UNKNOWN_CLASS), perception.labels_HW)
        perception = replace(perception, labels_HW=labels_HW)
    return perception


def unchanged(image_HW3: Image, manifest: Manifest) -> Perception:
    """The answer that claims nothing: the frame itself, every pixel of unknown class, no weather, no gate."""
    shape = image_HW3.shape[:2]
    return Perception(
        restored_HW3=image_HW3,
        labels_HW=np.full(shape, UNKNOWN_CLASS, np.uint8),
        confidence_HW=np.zeros(shape, np.uint8),
        weather=dict.fromkeys(manifest.weathers, 0.0),
        gates=dict.fromkeys(manifest.gates, 0.0),
        inference_seconds=0.0,
    )


class WeatherHold:
    """Keeps the dominant weather of a camera until another is more probable by a margin."""

    def __init__(self) -> None:
        self.weather = UNKNOWN

    def update(self, perception: Perception, margin: float) -> str:
        """The dominant weather after this frame."""
        found = perception.dominant_weather
        lead = perception.weather.get(found, 0.0) - perception.weather.get(self.weather, 0.0)
        if UNKNOWN in (found, self.weather) or lead > margin:
            self.weather = found
        return self.weather


def entropy(perception: Perception) -> float:
    """Of the weather's probabilities, 0 (certain) .. 1 (no idea)."""
    total = sum(perception.weather.values())
    if not total > 0:
        return 1.0
    shares = [value / total for value in perception.weather.values() if value > 0]
    return -sum(share * math.log(share) for share in shares) / math.log(max(len(perception.weather), 2))


def novelty(perception: Perception) -> float | None:
    """How unlike the training data the frame is, 0..1; None if the model does not tell."""
    return perception.gates.get(NOVELTY)
