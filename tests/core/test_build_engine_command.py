"""The command that builds engines ahead of time, and the engine that `auto` then takes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.engines import Change, CopyBackend, SlowBackend, unchanged
from weather_perception.core.engines import build, command, select, speed
from weather_perception.core.engines.base import Engine, EngineError, EngineOptions, Target
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.select import backends_for, build_engine, open_reference


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> str:
    return str(tiny_model)


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CopyBackend:
    """The only backend there is, and an empty cache."""
    made = CopyBackend()
    monkeypatch.setattr(select, "BACKENDS", (made,))
    monkeypatch.setattr(speed, "LEAST_SPEED", 0.0)  # it is as fast as torch, but a busy machine may not show it
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return made


def frames(height: int, width: int, batch: int = 1) -> np.ndarray:
    return np.full((batch, height, width, 3), 100, np.uint8)


def test_builds_every_size_asked_for_and_says_what_it_does(
    backend: CopyBackend, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", model, "--device", "cpu", "--size", "48x64", "30x40", "--batch", "1..2"]
    assert command.main(arguments) == 0
    said = capsys.readouterr().out
    assert "engine inductor: the fastest that cpu has here" in said
    assert "building for 1..2x48x64" in said and "building for 1..2x30x40" in said
    assert backend.builds == 2
    assert command.main(arguments) == 0
    assert backend.builds == 2


def test_torch_gets_its_own_number_of_threads_back(model: str) -> None:
    before = torch.get_num_threads()
    try:
        for threads, expected in ((3, 3), (2, 2), (0, before), (0, before)):
            open_reference(model, "cpu", threads)
            assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)


def test_auto_runs_a_size_by_the_engine_that_was_built_for_it_and_others_by_the_file_itself(
    backend: CopyBackend, model: str
) -> None:
    """On a CPU an engine takes any number of frames, one by one."""
    command.main(["--model", model, "--device", "cpu", "--size", "48x64", "--batch", "2"])
    report: list[str] = []
    engine = build_engine(model, EngineOptions(device="cpu"), report.append)
    for image, name in ((frames(48, 64), "inductor"), (frames(48, 64, 2), "inductor"), (frames(48, 64, 3), "inductor")):
        assert (engine.infer(image).restored_BHW3 == 110).all()
        assert engine.name == name
    assert engine.infer(frames(9, 9)).labels_BHW.shape == (1, 9, 9)
    assert engine.name == "torch"
    assert report[0] == "engine inductor: the fastest that was built for 1x48x64 (fp32)"
    assert report[-1].startswith("engine torch: no other was built for 1x9x9")
    assert backend.builds == 1


def test_auto_does_without_an_engine_slower_than_the_file_itself(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "BACKENDS", (SlowBackend(),))
    monkeypatch.setattr(speed, "LEAST_SPEED", 0.5)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert command.main(["--model", model, "--device", "cpu", "--size", "48x64"]) == 0
    report: list[str] = []
    for name, serves in (("auto", "torch"), ("inductor", "inductor")):
        engine = build_engine(model, EngineOptions(name, "cpu", build=False), report.append)
        engine.infer(frames(48, 64))
        assert engine.name == serves
    assert any(line.startswith("passed over a built engine: inductor: only 0.") for line in report)


def test_auto_with_nothing_built_runs_the_file_itself_and_says_why(backend: CopyBackend, model: str) -> None:
    report: list[str] = []
    engine = build_engine(model, EngineOptions(device="cpu"), report.append)
    assert engine.name == "torch"
    assert "no engine was built for this model on this machine yet" in report[0]
    assert backend.builds == 0


def damage(backend: CopyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = EngineCache().root.rglob("copy.pt2")
    path.write_bytes(path.read_bytes()[:-1])


def update_the_toolkit(backend: CopyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.toolkit = "copier 2.0"


def update_this_package(backend: CopyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_SOURCES", Path(__file__).parent)


DISTRUSTED = {
    "copy.pt2 is damaged": damage,
    "built with copier 1.0, this is copier 2.0": update_the_toolkit,
    "built by another version of weather_perception than this": update_this_package,
}


@pytest.mark.parametrize("reason", DISTRUSTED)
def test_auto_passes_over_an_engine_that_it_cannot_trust(
    backend: CopyBackend, model: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.main(["--model", model, "--device", "cpu", "--size", "48x64"])
    DISTRUSTED[reason](backend, monkeypatch)
    report: list[str] = []
    engine = build_engine(model, EngineOptions(device="cpu"), report.append)
    engine.infer(frames(48, 64))
    assert engine.name == "torch"
    assert any(reason in line for line in report)


@pytest.mark.parametrize("change", [unchanged, lambda outputs: outputs._replace(labels_BHW=outputs.labels_BHW ^ 1)])
def test_a_named_engine_is_built_at_the_first_frame_and_one_that_differs_is_not_used(
    backend: CopyBackend, model: str, change: Change
) -> None:
    backend.change = change
    report: list[str] = []
    engine = build_engine(model, EngineOptions("inductor", "cpu"), report.append)
    expected = build_engine(model, EngineOptions("torch", "cpu")).infer(frames(48, 64))
    for _ in range(2):
        np.testing.assert_array_equal(engine.infer(frames(48, 64)).labels_BHW, expected.labels_BHW)
    assert backend.builds == 1
    assert engine.name == ("inductor" if change is unchanged else "torch")
    assert (change is unchanged) != any("torch serves instead: inductor: labels differs" in line for line in report)


def test_a_named_engine_that_this_machine_cannot_have_is_refused_at_once(backend: CopyBackend, model: str) -> None:
    backend.absent = "no copier; install one"
    with pytest.raises(EngineError, match="engine: inductor: no copier; install one"):
        build_engine(model, EngineOptions("inductor", "cpu"))
    with pytest.raises(EngineError, match=r"no backend can build here: .*no copier"):
        backends_for(Target(48, 64))


@pytest.mark.parametrize("engine", ["auto", "inductor"])
def test_without_build_what_was_built_serves_and_else_torch_with_the_command_that_builds_it(
    backend: CopyBackend, model: str, engine: str
) -> None:
    def open_engine() -> tuple[Engine, str]:
        report: list[str] = []
        opened = build_engine(model, EngineOptions(engine, "cpu", in_background=True, build=False), report.append)
        assert len(report) <= 1
        return opened, "".join(report)

    opened, reason = open_engine()
    assert (opened.name, backend.builds) == ("torch", 0)
    assert opened.infer(frames(48, 64)).labels_BHW.shape == (1, 48, 64)
    said = re.fullmatch(r"engine torch: no engine was built .*; the command `build_engine (.*)` builds one", reason)
    assert said
    command.main(shlex.split(said[1].replace("HEIGHTxWIDTH", "48x64")))
    assert backend.builds == 1

    opened, reason = open_engine()
    while opened.name == "torch":
        opened.infer(frames(48, 64))
    assert (opened.name, backend.builds) == ("inductor", 1)


def test_without_build_another_precision_of_a_named_engine_does_not_serve(backend: CopyBackend, model: str) -> None:
    command.main(["--model", model, "--device", "cpu", "--size", "48x64"])
    report: list[str] = []
    named, auto = (EngineOptions(name, "cpu", precision="bf16", build=False) for name in ("inductor", "auto"))
    assert build_engine(model, named, report.append).name == "torch"
    assert "--engine inductor --device cpu --precision bf16" in report[0]
    assert build_engine(model, auto, report.append).infer(frames(48, 64)) and "built for 1x48x64 (fp32)" in report[1]


def test_auto_says_once_why_no_backend_can_build_and_torch_serves(backend: CopyBackend, model: str) -> None:
    backend.absent = "no copier; install one"
    report: list[str] = []
    engine = build_engine(model, EngineOptions(device="cpu", in_background=True), report.append)
    for image in (frames(48, 64), frames(9, 9)):
        assert (engine.infer(image).restored_BHW3 == 110).all()
    assert engine.name == "torch"
    assert len(report) == 1 and "engine torch" in report[0]
    assert "no backend can build here: engine: inductor: no copier; install one" in report[0]


def test_in_the_background_frames_can_be_made_to_wait_for_the_engine(backend: CopyBackend, model: str) -> None:
    command.main(["--model", model, "--device", "cpu", "--size", "48x64"])
    engine = build_engine(model, EngineOptions(device="cpu", in_background=True, meanwhile="wait"))
    engine.infer(frames(48, 64))
    assert engine.name == "inductor"


def test_what_the_command_cannot_do_is_said_and_its_status_is_1(
    backend: CopyBackend, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--model", str(tmp_path / "absent.pt2"), "--size", "48x64"]) == 1
    assert command.main(["--model", model, "--device", "cpu", "--size", "48x64", "--precision", "fp16"]) == 1
    said = capsys.readouterr().err
    assert "model file not found" in said and "inductor has fp32, bf16, not fp16" in said


@pytest.mark.parametrize("wrong", [["--size", "48"], ["--size", "0x4"], ["--size", "4x4", "--batch", "2..3"]])
def test_a_wrong_size_or_batch_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(wrong)
    assert f"argument {wrong[-2]}: '{wrong[-1]}' is" in capsys.readouterr().err


def test_training_compile_is_the_same_command() -> None:
    """Its options are those of the installed program, `--calibrate` among them."""
    modules = ("training.compile", "weather_perception.build_engine")
    done = [subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True) for name in modules]
    assert done[0].stdout == done[1].stdout and "--calibrate BAG" in done[0].stdout, done[0].stderr


@pytest.mark.parametrize(
    ("text", "height", "width"),
    [("720x1280", 720, 1280), ("1280x720", 720, 1280), ("720wx1280h", 1280, 720), ("1280hx720w", 1280, 720)],
)
def test_a_size_is_read_the_same_in_either_order(text: str, height: int, width: int) -> None:
    assert command.parser().parse_args(["--size", text]).size == [(height, width)]


@pytest.mark.parametrize("text", ["720", "720wx1280w", "720wx1280", "0x4", "4 x 4"])
def test_a_size_that_could_mean_two_things_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--size", text])
    assert "720wx1280h" in capsys.readouterr().err
