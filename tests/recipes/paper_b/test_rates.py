"""Paper B's gates learn at a rate of their own, and its clear route learns what is clear."""

import dataclasses

import pytest
import torch

from tests.support import tiny_collaboration as tiny
from tests.support.tasks import collate
from training.config import DataConfig
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.trainer import Trainer
from training.recipes.paper_b.config import MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK, stages

pytestmark = pytest.mark.usefixtures("one_thread")

MODEL = MoeWirNetConfig(6, (1, 1, 1, 1), 1, window=2, patch=2)


def trainer(config: PaperBRun) -> Trainer:
    torch.manual_seed(0)
    record = Record("tiny", {"name": "tiny"}, "pytest", "unknown")
    return Trainer(processes.launch(), {NETWORK: MoeWirNet(config.model)}, stages(config), config.loop(), record)


def test_gates_move_by_their_factor_of_the_rate_and_all_else_by_the_rate() -> None:
    """Adam's first step has the length of the rate, for every weight."""
    crop = DataConfig(crop=(16, 16))
    config = PaperBRun(steps=2, learning_rate=1e-3, gate_rate=30.0, model=MODEL, data=crop)
    running = trainer(config)
    net = running.networks[NETWORK]
    assert isinstance(net, MoeWirNet)
    before = {name: value.clone() for name, value in net.named_parameters()}
    running.train_step([collate([tiny.example(index) for index in range(3)])])
    moved = {name: (value - before[name]).abs().max().item() for name, value in net.named_parameters()}
    assert moved["encoder.0.router.gates_E"] == pytest.approx(3e-2, rel=0.05)
    assert moved["embed.weight"] == pytest.approx(1e-3, rel=0.05)


def test_the_clear_route_learns_which_frames_are_clear_and_needs_them_among_the_tasks() -> None:
    model = dataclasses.replace(MODEL, clear_route=True)
    with pytest.raises(ValueError, match="clear_route: needs clear among the tasks"):
        PaperBRun(model=model)
    tasks, crop = ("clear", "rain", "snow"), DataConfig(crop=(16, 16))
    running = trainer(PaperBRun(steps=5, tasks=tasks, learning_rate=1e-2, model=model, data=crop))
    batch = collate([tiny.example(index) for index in range(3)])
    found = [running.train_step([batch])["clear"] for _ in range(5)]
    assert found[-1] < found[0]
