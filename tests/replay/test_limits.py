"""--fail-under and the JUnit file judge what metrics.json says."""

import argparse
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from weather_perception.replay.frames import ReplayError
from weather_perception.replay.limits import in_words, judged, limit, prepare_junit, write_junit


def document(**run: Any) -> dict[str, Any]:
    scores = {"psnr_input": 20.0, "psnr_restored": 24.5, "miou_refined": 0.6, "miou_base": None}
    found = {
        "model": "tiny",
        "counts": {"sent": 10, "answered": 9, "dropped": {"undecodable": 1}},
        "latency_ms": {"p50": 10.0, "p95": 30.0, "p99": 40.0},
        "speed": {"frames_per_second": 12.0},
        "degraded": scores,
        "all": {"weather_accuracy": 0.9},
    }
    return {"cameras": [{"name": "drive\udcff /front", "runs": [found | run]}], "limits": []}


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("psnr=24", 24.5, True),
        ("psnr=24.6", 24.5, False),
        ("psnr_gain=4.5", 4.5, True),
        ("miou_gain=0", None, False),
        ("weather=0.95", 0.9, False),
        ("answered=0.9", 0.9, True),
        ("latency_p95=30", 30.0, True),
        ("latency_p95=29", 30.0, False),
        ("fps=12.5", 12.0, False),
    ],
)
def test_a_limit_holds_or_not(text: str, value: float | None, holds: bool) -> None:
    (result,) = judged([limit(text)], document())
    assert (result["value"], result["passed"]) == (value, holds)


def test_without_ground_truth_a_limit_of_quality_does_not_hold() -> None:
    (result,) = judged([limit("miou=0.1")], document(degraded=None))
    assert not result["passed"]
    assert in_words(result).startswith("miou is unknown, needed >= 0.1")


@pytest.mark.parametrize("text", ["speed=3", "psnr", "psnr=", "psnr=high", "psnr=nan"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="psnr"):
        limit(text)


def test_a_junit_file_gets_its_folder_or_is_refused_before_the_work(tmp_path: Path) -> None:
    prepare_junit(tmp_path / "new" / "junit.xml")
    assert (tmp_path / "new").is_dir()
    (tmp_path / "file").touch()
    for name in ("new", "file/junit.xml"):
        with pytest.raises(ReplayError, match=r"--junit .*: .*name a"):
            prepare_junit(tmp_path / name)


def test_the_junit_file_has_a_case_for_each_limit(tmp_path: Path) -> None:
    found = document(counts={"sent": 4, "answered": 0, "dropped": {"undecodable": 4}})
    found["limits"] = judged([limit("psnr=24"), limit("latency_p95=29")], found)
    write_junit(tmp_path / "junit.xml", found)
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failed = {case.get("name"): case[0].get("message") for case in suite if len(case)}
    assert failed["answers frames"] == "0 of 4 frames answered"
    assert failed["latency_p95 <= 29"].startswith("latency_p95 is 30, needed <= 29")
