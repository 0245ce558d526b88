"""Joint training of several tasks does not depend on stops, micro-batches or processes, and neither does its memory."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
from torch import Tensor

from tests.support import tiny_collaboration, tiny_joint
from tests.support.tasks import assert_close, on_two_processes
from training.loop.trainer import Trainer, memories, optimizer_tensors
from training.multitask.combination import Method

METHODS = [method for method in get_args(Method) if method != "nash_mtl" or find_spec("ecos")]
TINY = {"paper_b": tiny_collaboration, "paper_c": tiny_joint}
RUNS = {"paper_b": (tiny_collaboration, tiny_collaboration.CONFIG)} | {
    method: (tiny_joint, tiny_joint.of_method(method, steps=4)) for method in ("mvgh", "ori", "pcgrad", "cagrad")
}
LOOSE = {"paper_b": 1, "paper_c": 10}
"""Joined gradients magnify rounding."""

pytestmark = pytest.mark.usefixtures("one_thread")


def learned(trainer: Trainer) -> dict[str, Tensor]:
    """The weights, and the memory of the tasks, which a method may lack."""
    (net,), ((_, memory),) = trainer.networks.values(), memories(trainer.stage)
    return {name: value.clone() for name, value in {**net.state_dict(), **memory.state_dict()}.items()}


def assert_close_runs(found: list[dict[str, float]], expected: list[dict[str, float]], loose: float) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3 * loose, abs=1e-4 * loose)


def assert_close_trainers(found: Trainer, expected: Trainer, loose: float) -> None:
    assert_close(learned(found), learned(expected), rtol=1e-4 * loose, atol=1e-5 * loose)


@pytest.mark.parametrize("stop_after", [0, 2])
@pytest.mark.parametrize("name", RUNS)
def test_a_stopped_and_resumed_run_has_the_bits_of_one_that_was_not(tmp_path: Path, name: str, stop_after: int) -> None:
    tiny: Any
    tiny, config = RUNS[name]
    whole, stopped, resumed = (tiny.build(config) for _ in range(3))
    expected = tiny.train(whole)
    tiny.train(stopped, stop_after)
    stopped.save(tmp_path / "run", {})
    resumed.resume(tmp_path / "run")
    assert_close_trainers(resumed, stopped, 0)
    assert tiny.train(resumed) == expected[stop_after:]
    assert_close_trainers(resumed, whole, 0)
    assert_close(optimizer_tensors(resumed.optimizers), optimizer_tensors(whole.optimizers))


@pytest.mark.parametrize("whole_tasks", [True, False], ids=["every task in each", "one example in each"])
@pytest.mark.parametrize("name", TINY)
def test_accumulated_micro_batches_train_as_their_whole_batch(name: str, whole_tasks: bool) -> None:
    tiny: Any = TINY[name]
    whole, parts = tiny.build(), tiny.build(accumulate=2 if whole_tasks else tiny.CONFIG.batch)
    expected, found = tiny.train(whole), tiny.train(parts)
    assert_close_runs(found, expected, LOOSE[name])
    assert_close_trainers(parts, whole, LOOSE[name])


@pytest.mark.parametrize("name", TINY)
def test_two_processes_find_the_weights_and_losses_of_one_with_every_method(name: str, tmp_path: Path) -> None:
    """Paper B's processes average the losses of each task; PCGrad also draws the order of the tasks."""
    tiny: Any = TINY[name]
    runs = {"ori": tiny.CONFIG} if name == "paper_b" else {method: tiny_joint.of_method(method) for method in METHODS}
    on_two_processes(Path(tiny.__file__).name, str(tmp_path), *runs)
    for run, config in runs.items():
        one, resumed = tiny.build(config), tiny.build(config)
        expected, found = tiny.train(one), json.loads((tmp_path / f"{run}.json").read_text())
        assert len(found) == config.steps
        assert_close_runs(found, expected, LOOSE[name])
        resumed.resume(tmp_path / run)  # on one process
        assert_close_trainers(resumed, one, LOOSE[name])
