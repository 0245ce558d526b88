"""A user's own model runs on original and restored frames, and its change is reported."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.bags import Shot, write_bag
from tests.support.metrics import read_metrics
from weather_perception.replay.cli import main
from weather_perception.replay.detector import Boxes, Detector, DetectorScores, partners
from weather_perception.replay.frames import ReplayError

MODULE = """
import numpy as np

class Bright:
    names = ["dark", "bright"]
    def __call__(self, image):
        return (image.mean(axis=2) > 100).astype(np.int64)

def segmenter():
    return Bright()

def boxes():
    def find(image):
        high = int(image.max())
        return {"boxes": [[0, 0, 10, 10], [20, 0, 30, high % 7 + 5]], "scores": [0.9, 0.4], "labels": ["car", 1]}
    return find

def broken():
    return lambda image: 1 / 0

def odd():
    return lambda image: image

def short():
    return lambda image: {"boxes": [[0, 0, 1, 1]], "scores": [], "labels": [0]}

nothing = None
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_a_segmenter_is_scored_on_both_images() -> None:
    detector = Detector("my_models:segmenter")
    scores = DetectorScores(detector, ("Dark", "Bright"))
    dark, bright = np.full((2, 4, 3), 50, np.uint8), np.full((2, 4, 3), 150, np.uint8)
    half = np.concatenate([dark[:, :2], bright[:, :2]], axis=1)
    truth = np.array([[0, 0, 1, 1], [0, 0, 1, 255]], np.uint8)
    scores.add(detector.find(dark), detector.find(half), truth)
    found = scores.as_dict()
    assert found is not None
    assert (found["kind"], found["frames"], found["agreement"]) == ("labels", 1, 0.5)
    assert found["input"] == {
        "count": None,
        "mean_score": None,
        "by_class": {"dark": 1.0},
        "miou": pytest.approx(2 / 7),
    }
    assert found["restored"]["by_class"] == {"bright": 0.5, "dark": 0.5}
    assert found["restored"]["miou"] == 1


def test_the_original_and_the_restored_frame_are_not_exchanged() -> None:
    scores = DetectorScores(Detector("my_models:segmenter"), ("dark", "bright"))
    dark, bright = (np.full((4, 6, 3), level, np.uint8) for level in (20, 200))
    scores.look(0, dark, bright, None)
    found = scores.as_dict()
    assert (found["input"]["by_class"], found["restored"]["by_class"]) == ({"dark": 1.0}, {"bright": 1.0})


def test_a_detector_is_compared_with_itself() -> None:
    detector = Detector("my_models:boxes")
    scores = DetectorScores(detector, ())
    images = [np.full((8, 8, 3), level, np.uint8) for level in (0, 6)]  # the second box grows from 5 to 11
    scores.add(*map(detector.find, images), None)
    found = scores.as_dict()
    assert found is not None
    assert (found["kind"], found["agreement"]) == ("boxes", 0.5)
    assert found["input"] == {"count": 2, "mean_score": 0.65, "by_class": {"1": 1, "car": 1}, "miou": None}


def test_objects_are_partners_if_class_and_place_agree() -> None:
    def boxes(*rows: tuple[float, str]) -> Boxes:
        places = np.array([[x, 0, x + 10, 10] for x, _ in rows], np.float64).reshape(-1, 4)
        return Boxes(places, np.ones(len(rows)), tuple(name for _, name in rows))

    many = boxes((0, "car"), (3, "car"), (50, "person"))
    assert partners(many, many) == 3
    assert partners(many, boxes((0, "car"), (50, "car"))) == 1
    assert partners(many, boxes((4, "car"))) == 1
    assert partners(many, boxes((45, "person"))) == 0
    assert partners(boxes(), many) == partners(boxes(), boxes()) == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_models", "expected MODULE:FACTORY"),
        ("no_such_module:model", "No module named 'no_such_module'"),
        ("my_models:missing", "my_models has no missing"),
        ("my_models:nothing", "'NoneType' object is not callable"),
        ("my_models:broken", "failed on a frame: ZeroDivisionError"),
        ("my_models:odd", r"returned uint8 \[8, 8, 3\] for a frame"),
        ("my_models:short", "1 boxes, 0 scores, 1 labels"),
    ],
)
def test_a_model_that_cannot_be_used_is_named_with_its_fault(name: str, message: str) -> None:
    with pytest.raises(ReplayError, match=f"--detector {name}: .*{message}"):
        Detector(name).find(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "kind"), [("my_models:segmenter", "labels"), ("weather_perception.replay.detectors:regions", "boxes")]
)
def test_the_command_reports_its_change(
    name: str, kind: str, tmp_path: Path, drive: list[Shot], tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", drive[3:7])
    arguments = ["--model", str(tiny_model), "--label-names", "dark,bright", "--detector", name]
    assert main([str(bag), "--out", str(tmp_path / "out"), *arguments]) == 0
    found = read_metrics(tmp_path / "out")["cameras"][0]["runs"][0]["detector"]
    assert (found["name"], found["kind"], found["frames"]) == (name, kind, 4)
    assert (found["input"]["miou"] is not None) == (kind == "labels")
    assert name in capsys.readouterr().out


def test_our_own_base_segmenter_is_one() -> None:
    detector = Detector("weather_perception.replay.detectors:base_segmenter")
    labels_HW = detector.find(np.zeros((64, 96, 3), np.uint8))
    assert isinstance(labels_HW, np.ndarray)
    assert labels_HW.shape == (64, 96)
    assert detector.names is not None
    assert "road" in detector.names
