"""int8 engines are calibrated on a recording of the camera, and lose next to nothing of what the model does."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.bags import Shot, write_bag
from tests.support.engines import Change, CopyBackend
from training.data.classes import CLASSES, VOID
from training.data.degradations import WEATHERS, degrade
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.metrics import MaskScores
from weather_perception.build_engine import main
from weather_perception.core.contract import Outputs
from weather_perception.core.engines import speed
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.base import EngineError, EngineOptions, OpenedModel, Target
from weather_perception.core.engines.build import ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.parity import ParityError
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.engines.select import build_engine
from weather_perception.core.program import Program
from weather_perception.core.scores import psnr

HEIGHT, WIDTH = 128, 192
DEFAULT = str(Path(__file__).resolve().parents[2] / "models/default.pt2")

needs_nncf = pytest.mark.skipif(
    bool(OpenVino().missing("cpu")) or find_spec("nncf") is None,
    reason="needs `pip install 'weather_perception[openvino,int8]'`",
)


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bag of a drive through all weathers."""
    street = Drive(UNSEEN_SEEDS_FROM + 600, HEIGHT, WIDTH)
    shots = [
        Shot(degrade(street.render(2.0 * index), weather, 0.7, index), 10**9 * (10 * index + place + 1))
        for index in range(5)
        for place, weather in enumerate(WEATHERS)
    ]
    return write_bag(tmp_path_factory.mktemp("bags") / "drive", shots)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the engines are kept."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.setattr(speed, "LEAST_SPEED", 0.0)  # how fast a tiny model is on a busy machine says nothing


def build(drive: Path, *more: str) -> int:
    size = f"{HEIGHT}x{WIDTH}"
    options = ["--model", DEFAULT, "--engine", "openvino", "--size", size, "--device", "cpu", "--precision", "int8"]
    return main([*options, "--calibrate", str(drive), *more])


@needs_nncf
def test_an_int8_engine_restores_and_segments_an_unseen_street_as_well_as_the_file_itself(
    drive: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(drive) == 0, capsys.readouterr().err
    (entry,) = home.rglob("entry.json")
    assert json.loads(entry.read_text())["notes"]["calibration"].startswith("20 frames, sha256 ")
    assert build(drive) == 0
    assert "ready in" in capsys.readouterr().out, "the same recording calibrates nothing anew"

    report: list[str] = []
    engines = {"int8": build_engine(DEFAULT, EngineOptions(device="cpu"), report.append)}
    engines["torch"] = build_engine(DEFAULT, EngineOptions("torch", "cpu"))
    samples = [Drive(UNSEEN_SEEDS_FROM + 700 + seed, HEIGHT, WIDTH).render(10.0) for seed in range(3)]
    decibels: dict[str, list[float]] = {name: [] for name in engines}
    masks = {name: MaskScores(len(CLASSES), VOID) for name in engines}
    for seed, sample in enumerate(samples):
        for weather in WEATHERS[1:]:
            frame = degrade(sample, weather, 0.6, seed)
            for name, engine in engines.items():
                answer = engine.infer(frame[None])
                decibels[name].append(psnr(answer.restored_BHW3[0], sample.image_HW3))
                masks[name].add(torch.from_numpy(answer.labels_BHW), torch.from_numpy(sample.labels_HW[None]))
    assert engines["int8"].name == "openvino" and "(int8)" in report[0], "auto takes it, and says so"
    assert np.mean(decibels["torch"]) - np.mean(decibels["int8"]) <= 0.3
    assert masks["torch"].set_scores()["miou"] - masks["int8"].set_scores()["miou"] <= 0.01


@needs_nncf
def test_what_reads_the_picture_itself_stays_in_floating_point(drive: Path, home: Path) -> None:
    import openvino

    assert build(drive) == 0
    (file,) = home.rglob("model.xml")
    convolutions = [
        node for node in openvino.Core().read_model(file).get_ops() if node.get_type_name() == "Convolution"
    ]
    quantised = {
        node.get_input_partial_shape(0)[1].get_length()
        for node in convolutions
        if node.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }
    channels = {node.get_input_partial_shape(0)[1].get_length() for node in convolutions}
    assert 3 in channels and 3 not in quantised and len(quantised) > 3


@needs_nncf
def test_without_frames_of_the_camera_int8_says_how_to_give_it_some(program: Program, tmp_path: Path) -> None:
    target = Target(48, 64, precision="int8")
    with pytest.raises(EngineError, match="build_engine --precision int8 --calibrate BAG"):
        ready_entry(OpenedModel(program, TorchEngine(program)), target, OpenVino(), EngineCache(tmp_path))


def test_a_recording_that_cannot_calibrate_is_refused(
    drive: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(tiny_model), "--device", "cpu", "--engine", "openvino"]
    assert main([*model, "--size", "48x64", "--precision", "int8", "--calibrate", str(drive)]) == 1
    assert f"frames are {HEIGHT}x{WIDTH}, not 48x64 as in --size" in capsys.readouterr().err
    assert main([*model, "--size", "48x64", "--precision", "fp32", "--calibrate", str(drive)]) == 1
    assert "only int8 is calibrated, not fp32" in capsys.readouterr().err
    assert main([*model, "--size", "48x64", "--precision", "int8", "--calibrate", str(tmp_path / "absent")]) == 1
    assert "absent: no such file or folder" in capsys.readouterr().err


def brighter(outputs: Outputs) -> Outputs:
    """Four grey levels: as many as int8 may differ by, and still a loss in fog, which is too bright already."""
    return outputs._replace(restored_BHW3=outputs.restored_BHW3 + np.minimum(255 - outputs.restored_BHW3, 4))


def other_class(outputs: Outputs) -> Outputs:
    """Another class in a part of the frame that differences allow, but where the mask was right."""
    labels = outputs.labels_BHW.copy()
    labels[:, :1, :60] ^= 1
    return outputs._replace(labels_BHW=labels)


@pytest.mark.parametrize(("change", "loss"), [(brighter, "restored loses"), (other_class, "labels lose")])
def test_an_int8_engine_that_loses_quality_is_not_kept(
    change: Change, loss: str, program: Program, tmp_path: Path
) -> None:
    backend = CopyBackend(change)
    backend.precisions = ("int8",)
    cache = EngineCache(tmp_path / "cache")
    with pytest.raises(ParityError, match=loss):
        ready_entry(OpenedModel(program, TorchEngine(program)), Target(48, 64, precision="int8"), backend, cache)
    assert not cache.entries()
