"""Paper B's data: street scenes with synthesised weather, WeatherBench, FoundIR-Weather."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from training.data.readers.sets import PairSet
from training.data.readers.weather_folders import FoundIR, WeatherBench
from training.recipes.paper_b.config import PaperBRun
from training.reproduce.frames import CAMVID, STREET, Frames, PairedFrames, street_frames

WEATHERBENCH, FOUNDIR, FOUNDIR_TEST = "weatherbench", "foundir", "foundir-test"
DATA_SETS = (CAMVID, WEATHERBENCH, FOUNDIR, FOUNDIR_TEST)

TASKS = {
    STREET: ("fog", "rain", "snow"),
    WEATHERBENCH: ("haze", "rain", "snow"),
    FOUNDIR: ("haze", "rain", "raindrop", "nightrain"),
}
"""The weathers of each, by their own names; `fog` is our haze."""


def open_frames(name: str, data: Mapping[str, Path], config: PaperBRun, count: int) -> Frames:
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
    return PairedFrames(seen, judges, count)
