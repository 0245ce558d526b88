"""From a checkpoint folder back to the networks it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import checkpoint
from training.config import ModelConfig
from training.models.paper_a.cooperation import Cooperation
from training.models.segmenter import BaseSegmenter
from training.models.weather_net import WeatherNet
from training.paper_a_config import GeneratorConfig, PaperAConfig
from training.weight_average import group_name


def restore(folder: Path) -> tuple[WeatherNet, dict[str, Any]]:
    """The network of a checkpoint, in evaluation mode, and the checkpoint's state; raises CheckpointError."""
    (model,), state = checkpoint.load(folder, "model")
    net = WeatherNet(model_config(state["config"]["model"]))
    net.load_state_dict(model)
    return net.eval(), state


def restore_cooperation(folder: Path, averaged: bool = False) -> tuple[BaseSegmenter, Cooperation, dict[str, Any]]:
    """Paper A's original segmenter, G1 with G2, and the checkpoint's state; raises CheckpointError.

    The networks are in evaluation mode; `averaged` takes the moving average of their weights, where the run kept it.
    """
    names = [group_name(name) if averaged else name for name in ("sgada", "egsyn")]
    (segmenter_weights, sgada, egsyn), state = checkpoint.load(folder, "segmenter", *names)
    widths = model_config(state["config"]["segmenter"])
    segmenter = BaseSegmenter(widths.classes, *widths.segmenter_widths)
    segmenter.load_state_dict(segmenter_weights)
    net = Cooperation(paper_a_config(state["config"]["model"]))
    net.sgada.load_state_dict(sgada)
    net.egsyn.load_state_dict(egsyn)
    return segmenter.eval(), net.eval(), state


def model_config(settings: Mapping[str, Any]) -> ModelConfig:
    """ModelConfig out of a checkpoint's JSON."""
    return ModelConfig(**{**settings, "segmenter_widths": tuple(settings["segmenter_widths"])})


def paper_a_config(settings: Mapping[str, Any]) -> PaperAConfig:
    """PaperAConfig out of a checkpoint's JSON."""
    generators = {name: GeneratorConfig(**settings[name]) for name in ("sgada", "egsyn")}
    widths = {"discriminator_widths": tuple(settings["discriminator_widths"])}
    return PaperAConfig(**{**settings, **generators, **widths})
