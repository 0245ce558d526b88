"""From a checkpoint folder back to the network it holds."""

from pathlib import Path
from typing import Any

from training import checkpoint
from training.config import ModelConfig
from training.models.weather_net import WeatherNet


def restore(folder: Path) -> tuple[WeatherNet, dict[str, Any]]:
    """The network of a checkpoint, in evaluation mode, and the checkpoint's state; raises CheckpointError."""
    (model,), state = checkpoint.load(folder, "model")
    settings = state["config"]["model"]
    net = WeatherNet(ModelConfig(**settings | {"segmenter_widths": tuple(settings["segmenter_widths"])}))
    net.load_state_dict(model)
    return net.eval(), state
