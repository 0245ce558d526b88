"""Trainings that a reproduction needs: each in a folder of its own, and each goes on where it was left."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from training.config import LoopConfig
from training.loop import checkpoint, processes
from training.loop.record import Record
from training.loop.stages import Stage
from training.loop.trainer import Trainer


def start(
    networks: Mapping[str, nn.Module], stages: Sequence[Stage], loop: LoopConfig, record: Record, folder: Path
) -> Trainer:
    """A trainer at the first step, or where the checkpoint in `folder` stands; raises CheckpointError."""
    trainer = Trainer(processes.launch(), networks, stages, loop, record)
    if folder.exists():
        trainer.resume(folder)
    return trainer


def load_weights(networks: Mapping[str, nn.Module], folder: Path) -> None:
    """Take the weights of another run; raises CheckpointError."""
    groups, _ = checkpoint.load(folder, *networks)
    for net, weights in zip(networks.values(), groups, strict=True):
        net.load_state_dict(weights)


def folder_name(run: str) -> str:
    """A run's name as that of its folder."""
    words = "".join(letter if letter.isalnum() else " " for letter in run).split()
    return "_".join(words)
