"""An option that would do nothing is an error."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.bags import Shot, write_bag
from weather_perception.replay.cli import main
from weather_perception.replay.exits import ExitCode


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, drive: list[Shot]) -> dict[str, Path]:
    """A bag and a folder of pictures without ground truth."""
    folder = tmp_path_factory.mktemp("recordings")
    cv2.imwrite(str(folder / "0.png"), np.zeros((64, 96, 3), np.uint8))
    bag = write_bag(tmp_path_factory.mktemp("bag") / "drive", [Shot(drive[0].image, drive[0].stamp_ns)])
    return {"bag": bag, "pictures": folder}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rate", "2"], "--rate works only with --live"),
        (["--max-in-flight", "0"], "--max-in-flight works only with --live"),
        (["--node", "/n"], "--node works only with --live"),
        (["--timeout", "3"], "--timeout works only with --live"),
        (["--live", "--compare", "@torch"], "--compare does not work with --live"),
        (["--live", "--resume"], "--resume does not work with --live"),
        (["--fail-under", "speed=3"], "'speed' is no figure"),
    ],
)
def test_options_of_the_other_mode_are_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["drive", "--out", "out", *options])
    assert ended.value.code == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("pictures", ["--topic", "/front/image_raw"]),
        ("bag", ["--fps", "5"]),
        ("bag", ["--labels", "/nope"]),
        ("bag", ["--label-names", "dark,bright"]),
        ("bag", ["--baseline", "base.pt2"]),
    ],
)
def test_options_of_other_recordings_are_refused(
    kind: str, options: list[str], recordings: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(recordings[kind]), "--out", str(out), *options]) == ExitCode.USAGE
    assert f"replay: {options[0]} applies to " in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["a file", "a" * 300, "under/a file/deeper"])
def test_a_folder_of_results_that_cannot_be_is_told_before_the_work(
    name: str, recordings: dict[str, Path], tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "under").mkdir()
    for file in ("a file", "under/a file"):
        (tmp_path / file).write_text("mine")
    out = tmp_path / name
    assert main([str(recordings["bag"]), "--out", str(out), "--model", str(tiny_model)]) == ExitCode.FAILED
    assert f"--out {out}: " in capsys.readouterr().err
    assert (tmp_path / "a file").read_text() == "mine"


def test_a_path_that_is_no_text_is_no_hindrance(drive: list[Shot], tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    bag = write_bag(folder / "drive", drive[:2])
    arguments = ["--model", str(tiny_model), "--junit", str(folder / "junit.xml")]
    assert main([str(bag), "--out", str(folder / "out"), *arguments]) == 0
    assert (folder / "out" / "report.html").stat().st_size > 1000
    assert (folder / "junit.xml").is_file()
