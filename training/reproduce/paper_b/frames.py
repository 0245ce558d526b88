"""What paper B trains and is judged on: street scenes with synthesised weather, WeatherBench, FoundIR-Weather."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch.utils.data import Dataset

from training.data.balanced_crops import TaskTurns
from training.data.batches import Example
from training.data.readers.sets import PairSet
from training.data.readers.weather_folders import FoundIR, WeatherBench
from training.judging.judge import Frame
from training.recipes.paper_b.config import PaperBTrainConfig
from training.reproduce.frames import Frames, PairedFrames, street_frames

STREET, CAMVID, WEATHERBENCH, FOUNDIR, FOUNDIR_TEST = "street", "camvid", "weatherbench", "foundir", "foundir-test"
DATA_SETS = (CAMVID, WEATHERBENCH, FOUNDIR, FOUNDIR_TEST)

TASKS = {
    STREET: ("fog", "rain", "snow"),
    WEATHERBENCH: ("haze", "rain", "snow"),
    FOUNDIR: ("haze", "rain", "raindrop", "nightrain"),
}
"""The weathers of each, by their own names; `fog` is our haze."""


def open_frames(name: str, data: Mapping[str, Path], config: PaperBTrainConfig, count: int) -> Frames:
    """The frames of STREET, WEATHERBENCH or FOUNDIR, at most `count` of each weather to judge on.

    Raises FileNotFoundError and ValueError as the readers do.
    """
    if name == STREET:
        return street_frames(replace(config.data, camvid_root=str(data.get(CAMVID, ""))), count)
    seen: dict[str, PairSet]
    judges: dict[str, PairSet]
    if name == WEATHERBENCH:
        seen = {task: WeatherBench(data[name], "train", [task]) for task in TASKS[name]}
        judges = {task: WeatherBench(data[name], "test", [task]) for task in TASKS[name]}
    else:
        seen = {task: FoundIR(data[name], weathers=[task]) for task in TASKS[name]}
        judges = {task: FoundIR(data[FOUNDIR_TEST], weathers=[task]) for task in TASKS[name]}
    return PairedFrames(name, seen, judges, count)


def examples(frames: Frames, tasks: Sequence[str], size: tuple[int, int], seed: int) -> Dataset[Example]:
    """Endless examples of `size` (rows, columns), the tasks in turn."""
    return TaskTurns([frames.examples((task,), size, seed) for task in tasks])


def middle(frames: Iterator[Frame], window: tuple[int, int] | None) -> Iterator[Frame]:
    """The middle `window` (rows, columns) of every frame; the whole frame where it is smaller, or for None."""
    for planes in frames:
        rows, columns = planes[0].shape[:2]
        height, width = window or (rows, columns)
        top, left = max(0, (rows - height) // 2), max(0, (columns - width) // 2)
        degraded, clear, labels = (plane[top : top + height, left : left + width] for plane in planes)
        yield degraded, clear, labels
