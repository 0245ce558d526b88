"""Short runs of recipes by the real commands, for tests: trained, compared tensor by tensor, exported, replayed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from rosbags.highlevel import AnyReader
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.support.bags import Shot, write_bag
from training import evaluate, export, train
from training.data.degradations import degrade
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.loop import processes
from training.loop.trainer import Trainer
from training.recipe import Recipe
from weather_perception.core.contract import OUTPUT_NAMES
from weather_perception.core.program import Program
from weather_perception.replay.cli import main as replay
from weather_perception.replay.metrics import overview


def smoke(recipe: Recipe[Any]) -> str:
    """The name of the recipe's preset for tests."""
    (name,) = (name for name in recipe.presets if name.endswith("smoke"))
    return name


def takes(recipe: Recipe[Any], option: str) -> bool:
    return option in train.own_options(recipe).split()


def run(recipe: Recipe[Any], folder: Path, *more: str, segmenter: Path | None = None) -> int:
    """training.train with the preset for tests, on one thread; `segmenter` for a recipe that takes one."""
    asked = ["--segmenter", str(segmenter)] if segmenter and takes(recipe, "--segmenter") else []
    return train.main([smoke(recipe), "--out", str(folder), "--threads", "1", *asked, *more])


def run_until(step: int, recipe: Recipe[Any], folder: Path, *more: str, segmenter: Path | None = None) -> None:
    """The same, stopped after so many steps, at a checkpoint."""
    trained = Trainer.train_step

    def stop(trainer: Trainer, batches: Any) -> dict[str, float]:
        if trainer.step == step:
            trainer.save(folder, {})
            raise KeyboardInterrupt
        return trained(trainer, batches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, folder, *more, segmenter=segmenter)


def untrained(recipe: Recipe[Any], config: Any, folder: Path, change: Callable[[Any], None] | None = None) -> Path:
    """A checkpoint of the run's first step; `change` is called with its networks before."""
    fabric = processes.launch()
    trainer = recipe.trainer(recipe.begin(config, fabric), fabric, config.loop())
    if change:
        change(trainer.networks)
    trainer.save(folder, {})
    return folder


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "state.json").read_text())
    return found


def tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint, as FILE.NAME."""
    files = sorted(folder.glob("*.safetensors"))
    return {f"{file.stem}.{name}": value for file in files for name, value in load_file(file).items()}


def unseen() -> Sample:
    """A small frame of a drive that no training takes."""
    return Drive(UNSEEN_SEEDS_FROM, 66, 90).render(5.0)


def judge(folder: Path, *more: str) -> int:
    """training.evaluate on that frame alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "unseen_frames", lambda _: [unseen()])
        return evaluate.main([str(folder), *more])


def handed_out(folder: Path, path: Path, *more: str) -> Program:
    """The model file that training.export writes, as it reads it back; it compares at one size."""
    written: list[Program] = []
    wrapped = export.write

    def write(*what: Any) -> Program:
        written.append(wrapped(*what))
        return written[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "write", write)
        patch.setattr(export, "SIZES", ((97, 131),))
        assert export.main([str(folder), "--out", str(path), *more]) == 0
    return written[0]


@torch.inference_mode()
def assert_same_model(opened: nn.Module, model: nn.Module) -> None:
    """An exported model answers as the one it was made from, also at sizes that are no multiple of a stride."""
    for batch, rows, columns in ((1, 1, 1), (3, 33, 40), (1, 64, 64), (2, 97, 131)):
        frames = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8)
        for name, expected, found in zip(OUTPUT_NAMES, model(frames), opened(frames), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype, name
            if name == "labels":
                assert (found == expected).float().mean() > 0.999
            elif name in ("weather", "gates"):
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            else:
                assert (found.float() - expected.float()).abs().max() <= 1, name  # rounding


class Reading(NamedTuple):
    """What a model said of a frame: the weather, and all its numbers by name."""

    weather: str
    values: dict[str, float]


def foggy_shots(frames: int = 3) -> list[Shot]:
    samples = [Drive(UNSEEN_SEEDS_FROM, 66, 90).render(index / 10) for index in range(frames)]
    return [
        Shot(degrade(sample, "fog", 0.7, i), 10**9 + 10**8 * i, sample.image_HW3, sample.labels_HW, "fog")
        for i, sample in enumerate(samples)
    ]


def replayed(model: Path, folder: Path, *more: str) -> tuple[dict[str, Any], list[Reading]]:
    """The metrics and readings of a replay of `foggy_shots`, which writes its answers into `folder`/out."""
    bag, out = write_bag(folder / "bag", foggy_shots()), folder / "out"
    assert replay([str(bag), "--model", str(model), "--out", str(out), *more]) == 0
    with AnyReader([out / "output_bag"]) as reader:
        weather = [connection for connection in reader.connections if connection.topic.endswith("/weather")]
        found: list[Any] = [reader.deserialize(data, c.msgtype) for c, _, data in reader.messages(weather)]
    readings = [
        Reading(status.message, {pair.key: float(pair.value) for pair in status.values})
        for status in (message.status[0] for message in found)
    ]
    document = json.loads((out / "metrics.json").read_text())
    (camera,) = document["cameras"]
    return overview(document, camera, camera["runs"][0]), readings
