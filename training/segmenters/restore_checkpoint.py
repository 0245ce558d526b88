"""From a checkpoint folder back to the networks it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from training.config import ModelConfig
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.loop.weight_average import group_name
from training.recipes.paper_a.config import GeneratorConfig, PaperAConfig
from training.recipes.paper_a.cooperation import Cooperation
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.network_config import PaperBConfig, RoutingConfig
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.network_config import PaperCConfig
from training.recipes.paper_c.objective import NETWORK as MUIRF
from training.recipes.weather_net.network import WeatherNet
from training.segmenters import hugging_face as hugging_face_segmenter
from training.segmenters.base import BaseSegmenter

# The kinds of a checkpoint's original segmenter; with PRECOMPUTED label maps there is none.
BASE, HUGGING_FACE, PRECOMPUTED = "base", "hugging_face", "precomputed"


def restore(folder: Path) -> tuple[WeatherNet, dict[str, Any]]:
    """The network of a checkpoint, in evaluation mode, and the checkpoint's state; raises CheckpointError."""
    (model,), state = checkpoint.load(folder, "model")
    net = WeatherNet(model_config(state["config"]["model"]))
    net.load_state_dict(model)
    return net.eval(), state


def restore_cooperation(
    folder: Path, averaged: bool = False, segmenter: nn.Module | None = None
) -> tuple[nn.Module, Cooperation, dict[str, Any]]:
    """Paper A's original segmenter, G1 with G2, and the checkpoint's state; raises CheckpointError.

    The networks are in evaluation mode; `averaged` takes the moving average of their weights, where the run kept it.
    `segmenter` is the original one where the run was trained on precomputed label maps and so holds none.
    """
    names = [group_name(name) if averaged else name for name in ("sgada", "egsyn")]
    (sgada, egsyn), state = checkpoint.load(folder, *names)
    segmenter = segmenter or _segmenter(folder, state["config"]["segmenter"])
    net = Cooperation(paper_a_config(state["config"]["model"]))
    net.sgada.load_state_dict(sgada)
    net.egsyn.load_state_dict(egsyn)
    return segmenter.eval(), net.eval(), state


def restore_moe_wirnet(folder: Path, averaged: bool = False) -> tuple[MoeWirNet, dict[str, Any]]:
    """Paper B's network, in evaluation mode, and the checkpoint's state; raises CheckpointError.

    `averaged` takes the moving average of its weights, where the run kept it.
    """
    (weights,), state = checkpoint.load(folder, group_name(NETWORK) if averaged else NETWORK)
    net = MoeWirNet(paper_b_config(state["config"]["model"]))
    net.load_state_dict(weights)
    return net.eval(), state


def restore_muirf(folder: Path) -> tuple[Muirf, dict[str, Any]]:
    """Paper C's network (a reconstruction), in evaluation mode, and the checkpoint's state; raises CheckpointError."""
    (weights,), state = checkpoint.load(folder, MUIRF)
    net = Muirf(paper_c_config(state["config"]["model"]))
    net.load_state_dict(weights)
    return net.eval(), state


def is_without_segmenter(config: Mapping[str, Any]) -> bool:
    """Whether a checkpoint's configuration is of a run on precomputed label maps, which holds no segmenter."""
    return bool(config.get("segmenter", {}).get("kind") == PRECOMPUTED)


def _segmenter(folder: Path, record: Mapping[str, Any]) -> nn.Module:
    """The original segmenter that the checkpoint records, with its weights."""
    kind = record.get("kind", BASE)
    if kind == PRECOMPUTED:
        raise CheckpointError(
            f"{folder}: it was trained on precomputed label maps and holds no segmenter; name one of the same classes "
            "with --segmenter"
        )
    (weights,), _ = checkpoint.load(folder, "segmenter")
    if kind == HUGGING_FACE:
        segmenter: nn.Module = hugging_face_segmenter.rebuild(record)
    else:
        widths = model_config({name: value for name, value in record.items() if name != "kind"})
        segmenter = BaseSegmenter(widths.classes, *widths.segmenter_widths)
    segmenter.load_state_dict(weights)
    return segmenter


def model_config(settings: Mapping[str, Any]) -> ModelConfig:
    """ModelConfig out of a checkpoint's JSON."""
    return ModelConfig(**{**settings, "segmenter_widths": tuple(settings["segmenter_widths"])})


def paper_a_config(settings: Mapping[str, Any]) -> PaperAConfig:
    """PaperAConfig out of a checkpoint's JSON."""
    generators = {name: GeneratorConfig(**settings[name]) for name in ("sgada", "egsyn")}
    widths = {"discriminator_widths": tuple(settings["discriminator_widths"])}
    return PaperAConfig(**{**settings, **generators, **widths})


def paper_b_config(settings: Mapping[str, Any]) -> PaperBConfig:
    """PaperBConfig out of a checkpoint's JSON."""
    routing = {side: RoutingConfig(**settings[side]) for side in ("encoder", "decoder")}
    lists = {name: tuple(settings[name]) for name in ("blocks", "heads", "experts")}
    return PaperBConfig(**{**settings, **routing, **lists})


def paper_c_config(settings: Mapping[str, Any]) -> PaperCConfig:
    """PaperCConfig out of a checkpoint's JSON."""
    lists = {name: tuple(settings[name]) for name in ("weathers", "blocks")}
    return PaperCConfig(**{**settings, **lists})
