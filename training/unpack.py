"""`python -m training.unpack MODEL.pt2 --out CHECKPOINT`: make a model file a checkpoint again, to train it further.

The inverse of training.export for the deployable models, which have a segmenter of their own. A model file lacks the
batch normalisations, which export folds into the convolutions, and the optimiser. So `--init` and `--teacher` take the
checkpoint, `--resume` does not. Its network computes the same function as the model file; the normalisations'
statistics are those of procedural frames.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from training import recipes
from training.config import DataConfig
from training.data.examples import street_conditions
from training.data.source import Source
from training.loop.checkpoint import Checkpoint, CheckpointError, Record, save
from training.models.deploy import foldable
from training.recipes.joint import NETWORK, scale
from training.segmenters.base import OnBaseSegmenter
from training.segmenters.find import base_segmenter, located
from weather_perception.core.contract import ContractError, Manifest
from weather_perception.core.program import Program, open_program

PREFIX = "net."
"""Of the names of the network's weights in a model file."""

FRAMES = DataConfig(drives=16, frames_per_drive=2, crop=(192, 320))
"""Frames whose statistics the normalisations get."""

EXAMPLES = 64
"""Their number."""


class Unpacked(NamedTuple):
    """A model file's network in evaluation mode, and the record of the runs behind it."""

    net: OnBaseSegmenter
    record: Record
    steps: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.unpack", description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL.pt2", help="a model file written by training.export")
    parser.add_argument("--out", type=Path, required=True, metavar="CHECKPOINT", help="the folder to write")
    options = parser.parse_args(arguments)
    try:
        if options.out.exists():
            raise CheckpointError(f"{options.out} exists; choose another --out")
        found = unpack(open_program(options.model))
    except (CheckpointError, ContractError, OSError) as error:
        print(f"training.unpack: {error}", file=sys.stderr)
        return 1
    state = found.record.state() | {"step": found.steps, "stages": {}}
    save(options.out, {NETWORK: found.net.state_dict()}, state)
    print(f"checkpoint: {options.out}")
    print(f"next: python -m training.train PRESET --init {options.out}, with a preset of {found.record.recipe}")
    return 0


def unpack(program: Program) -> Unpacked:
    """The network and record of a model file.

    Raises CheckpointError if it is not of a deployable model, or of another version of this project.
    """
    path, told = program.path, program.manifest.training
    if missing := sorted({"recipe", "config", "sources", "command", "commit", "steps"} - told.keys()):
        raise CheckpointError(f"{path}: its manifest has no training.{missing[0]}; it cannot be trained further")
    try:
        recipe = recipes.recipe_named(told["recipe"])
        config = recipe.read(Checkpoint(path, {"config": told["config"]}))
        sources = tuple(Source.from_json(source) for source in told["sources"])
        net = recipe.frame(config).eval()
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: no model that this version can train further ({error})") from error
    if not isinstance(net, OnBaseSegmenter):
        raise CheckpointError(f"{path}: a model of {recipe.name}; only a deployable model can be trained further")
    weights = program.exported.state_dict
    try:
        net.load_state_dict(unfolded(net, {name.removeprefix(PREFIX): value for name, value in weights.items()}))
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights differ from the network of {recipe.name}: {error}") from error
    measure(net, config.seed)
    return Unpacked(net, record(program.manifest, sources, net), told["steps"])


def record(manifest: Manifest, sources: tuple[Source, ...], net: OnBaseSegmenter) -> Record:
    """The record of a checkpoint with this network; its configuration is that of the file, word for word."""
    told = manifest.training
    return Record(
        told["recipe"],
        dict(told["config"]),
        told["command"],
        told["commit"],
        sources,
        segmenter=located(base_segmenter(net.segmenter, ()), NETWORK, "segmenter."),
        classes=manifest.classes,
    )


def unfolded(net: nn.Module, folded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights for `net` that compute what `folded`, without normalisations after convolutions, does.

    Such a normalisation leaves its input as it is, and adds the folded bias.
    """
    weights = {name: value.detach().clone() for name, value in folded.items()}
    for conv, norm in foldable(net):
        bias_C = weights.pop(f"{conv}.bias")
        weights[f"{norm}.bias"] = bias_C
        weights[f"{norm}.weight"] = torch.full_like(bias_C, (1 + norm_of(net, norm).eps) ** 0.5)
        weights[f"{norm}.running_mean"] = torch.zeros_like(bias_C)
        weights[f"{norm}.running_var"] = torch.ones_like(bias_C)
        weights[f"{norm}.num_batches_tracked"] = torch.zeros((), dtype=torch.long)
    return weights


@torch.no_grad()
def measure(net: OnBaseSegmenter, seed: int) -> None:
    """Give the unfolded normalisations the statistics of frames, and leave what the network computes as it is.

    In training, a normalisation then begins with nearly the scale that it has here. The segmenter's are of clear
    frames.
    """
    examples = street_conditions(FRAMES, seed).open()
    batch = default_collate([examples[index] for index in range(EXAMPLES)])
    norms = [norm for _, norm in foldable(net)]
    with watched(net, norms) as seen:
        net(scale(batch.degraded_3HW))
        net.segmenter(scale(batch.clear_3HW))
    for name in norms:
        layer, (mean_C, variance_C) = norm_of(net, name), seen[name]
        assert layer.running_mean is not None and layer.running_var is not None
        layer.bias.add_(mean_C)
        layer.weight.copy_((variance_C + layer.eps).sqrt())
        layer.running_mean.copy_(mean_C)
        layer.running_var.copy_(variance_C)


def norm_of(net: nn.Module, name: str) -> nn.BatchNorm2d:
    """The normalisation of this name."""
    layer = net.get_submodule(name)
    assert isinstance(layer, nn.BatchNorm2d)
    return layer


class Moments(NamedTuple):
    """The mean and the variance of every channel of a batch."""

    mean_C: Tensor
    variance_C: Tensor


@contextmanager
def watched(net: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Moments]]:
    """The moments of the last input of each layer within the block."""
    seen: dict[str, Moments] = {}

    def keep(name: str, x_BCHW: Tensor) -> None:
        variance_C, mean_C = torch.var_mean(x_BCHW, dim=(0, 2, 3), correction=0)
        seen[name] = Moments(mean_C, variance_C)

    hooks = [
        net.get_submodule(name).register_forward_pre_hook(lambda _, given, name=name: keep(name, *given))
        for name in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


if __name__ == "__main__":
    sys.exit(main())
