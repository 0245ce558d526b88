"""The frames of a reproduction: their tasks in turn, their sources, and what judges."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support import datasets
from training.config import DataConfig
from training.reproduce.frames import Frames, evenly, middle, street_frames
from training.reproduce.paper_b.experiments import TASKS, open_frames
from training.reproduce.paper_b.rows import smoke

DATA = DataConfig(drives=2, frames_per_drive=1, height=64, width=96)


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    """CamVid with two training frames and one of the validation drive."""
    datasets.camvid(tmp_path)
    for name in ("0001TP_1", "0006R0_1"):
        datasets.picture(tmp_path / f"train/images/{name}.png")
        datasets.label_map(tmp_path / f"train/labels/{name}.png", 0, 3, 11)
    return tmp_path


def test_street_frames_with_camvid_name_both_sources(camvid: Path) -> None:
    found = street_frames(replace(DATA, camvid_root=str(camvid), camvid_share=0.7), 5)
    assert [source.use for source in found.sources] == ["research", "any"]
    assert found.learned_from[0].endswith(": 2 frames, 70% of the examples")
    assert len(list(found.judged("fog"))) == 1
    assert found.examples(("fog",), (16, 16), 0).sources == found.sources


@pytest.mark.parametrize("name", ["weatherbench", "foundir"])
def test_paired_frames_give_their_weathers_in_turn_and_name_their_source(name: str, tmp_path: Path) -> None:
    frames, weathers = pairs(name, tmp_path)
    examples = frames.examples(weathers, (32, 32), 0)
    assert [source.name for source in examples.sources] == [
        {"weatherbench": "WeatherBench", "foundir": "FoundIR"}[name]
    ]
    dataset = examples.open()
    for index in range(2 * len(weathers)):
        example = dataset[index]
        assert int(example.weather) == index % len(weathers)
        assert example.degraded_3HW.float().mean() == pytest.approx(20 * (index % len(weathers)) + 20, abs=1)
    (judged, clear, _), *_ = frames.judged(weathers[1])
    assert judged.mean() == pytest.approx(40, abs=1) and clear.mean() == pytest.approx(200, abs=1)


def pairs(name: str, root: Path) -> tuple[Frames, tuple[str, ...]]:
    """Two pairs of each weather and split, each weather of a brightness of its own."""
    folders = {
        "weatherbench": lambda weather, number, split: root / weather / split,
        "foundir": lambda weather, number, split: root / split / f"{number:02}{weather}",
    }
    kinds = {"weatherbench": ("input", "target"), "foundir": ("LQ", "GT")}
    place: Callable[[str, int, str], Path] = folders[name]
    for number, weather in enumerate(TASKS[name]):
        for split in ("train", "test"):
            for kind, value in zip(kinds[name], (20 * number + 20, 200), strict=True):
                for stem in "ab":
                    datasets.picture(place(weather, number, split) / kind / f"{stem}.png", value, (48, 72))
    data = {"weatherbench": root, "foundir": root / "train", "foundir-test": root / "test"}
    return open_frames(name, data, smoke(0).training, 1), TASKS[name]


def test_only_the_middle_of_a_frame_is_judged_if_a_window_is_given() -> None:
    plane = np.arange(8 * 6, dtype=np.uint8).reshape(8, 6)
    image = np.repeat(plane[..., None], 3, axis=2)

    def frames() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        yield image, image, plane

    ((degraded, clear, labels),) = middle(frames(), (4, 2))
    assert degraded.shape == clear.shape == (4, 2, 3) and np.array_equal(labels, plane[2:6, 2:4])
    ((whole, _, _),) = middle(frames(), (100, 100))
    assert whole.shape == image.shape


def test_indices_are_spread_evenly() -> None:
    assert evenly(10, 3) == [0, 4, 8] and evenly(2, 5) == [0, 1]
