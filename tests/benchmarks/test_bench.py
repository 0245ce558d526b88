"""`make bench`: what a batch takes is counted right, every row is measured, and the targets are judged by the rows."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.bench import __main__ as command
from benchmarks.bench import peak, session
from benchmarks.bench.page import page
from benchmarks.bench.process import WorkerError, ask_worker
from benchmarks.bench.report import ROS2_BENCHMARK, statistics, targets
from benchmarks.bench.session import Session, Settings
from benchmarks.bench.work import Work, work_of
from benchmarks.bench.worker import answer_to
from tests.support.engines import CopyBackend
from tests.support.tiny import write_tiny
from weather_perception.core.engines import select
from weather_perception.core.engines.base import EngineError

PEER = "tests.benchmarks.test_bench:peer"


def peer() -> Callable[[np.ndarray], object]:
    """What a user would compare with: something that takes a batch."""
    return lambda image_BHW3: image_BHW3.mean()


def in_this_process(request: dict[str, Any], patience: float) -> dict[str, Any]:
    """As `ask_worker`, without the seconds that a new process takes."""
    try:
        return json.loads(json.dumps(answer_to(json.loads(json.dumps(request)))))
    except EngineError as error:
        raise WorkerError(str(error)) from error


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny(tmp_path_factory.mktemp("model") / "tiny.pt2").path)


class Known(nn.Module):
    """A convolution and a matrix product of known size, and elementwise work, which counts nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.linear = nn.Linear(8, 5)

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, ...]:
        features = self.convolution(image_BHW3.permute(0, 3, 1, 2).float()).relu()
        return image_BHW3, self.linear(features.mean(dim=(2, 3)))


def test_the_work_of_a_batch_is_that_of_its_convolutions_and_matrix_products() -> None:
    image = torch.zeros(2, 10, 12, 3, dtype=torch.uint8)
    work = work_of(Known(), image)
    pixels = 2 * 10 * 12
    assert work.kernels == (
        (pixels * 3 * 8 * 9, pixels * 3 + 3 * 8 * 9 + pixels * 8),
        (2 * 8 * 5, 5 + 2 * 8 + 8 * 5 + 2 * 5),
    )
    assert work.frame_bytes == 2 * image.numel() + 2 * 5 * 4
    assert work.moved_bytes("fp32") - work.frame_bytes == 2 * (work.moved_bytes("bf16") - work.frame_bytes)


def test_the_roofline_takes_the_longer_of_arithmetic_and_traffic_kernel_by_kernel() -> None:
    work = Work(kernels=((1000, 1), (1, 1000)), frame_bytes=8)
    # 1000 multiply-adds at 100/s, 1000 numbers of 4 bytes at 1000 bytes/s, 8 bytes of frames
    assert work.roofline_seconds("fp32", 100, 1000) == pytest.approx(10 + 4 + 0.008)


def test_rows_speak_as_ros2_benchmark_does() -> None:
    row = statistics([0.010, 0.012, 0.010, 0.020], batch=2)
    assert row[f"{ROS2_BENCHMARK}.MEAN_FRAME_RATE"] == pytest.approx(2 / 0.013, rel=1e-4)
    assert row[f"{ROS2_BENCHMARK}.MAX_LATENCY"] == 20 and row[f"{ROS2_BENCHMARK}.MAX_JITTER"] == 10
    assert row["latency_p50_ms"] == 11 and 18 < row["latency_p95_ms"] < 20 and row["repetitions"] == 4


def test_targets_are_judged_by_the_best_row_and_a_missed_one_is_said() -> None:
    def row(engine: str, precision: str, p50: float, ratio: float) -> dict[str, Any]:
        shape = {"height": 360, "width": 640, "batch": 1, "peer": False, "engine": engine, "precision": precision}
        rate = {f"{ROS2_BENCHMARK}.MEAN_FRAME_RATE": 1e3 / p50}
        return shape | rate | {"latency_p50_ms": p50, "ratio_to_torch": ratio, "peak_memory_mb": 700.0}

    rows = [row("torch", "fp32", 34, 1), row("openvino", "fp32", 25, 1.36), row("openvino", "bf16", 20, 1.7)]
    busy = [rows[2] | {"p95_to_quiet": 2.5}]
    met = {claim: holds for claim, _, holds in targets(rows, busy)}
    assert met == {
        "openvino at least 1.7 times as fast as torch at 640x360": True,
        "640x360 at 30 frames/s or more": True,
        "less than 600 MB resident at 640x360": False,
        "openvino bf16: p95 with a busy neighbour at most 2 times the quiet one": False,
    }


@pytest.fixture
def settings(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two batch sizes of one tiny size, with a backend whose builds take no time."""
    backend = CopyBackend()
    monkeypatch.setattr(backend, "precisions", ("fp32",))
    for module in (session, select):
        monkeypatch.setattr(module, "BACKENDS", (backend,))
    monkeypatch.setattr(peak, "_SECONDS", 0.0)
    return Settings(
        model=model,
        device="cpu",
        sizes=((48, 64),),
        batches=(1, 2),
        precisions=("bf16", "fp32"),
        engines=(),
        peers=(PEER,),
        threads=0,
        seconds=0.01,
        minutes=15,
        cache=tmp_path,
    )


def test_one_run_measures_every_engine_and_peer_at_every_size_and_batch(settings: Settings) -> None:
    result = command.measure(Session(settings, print, in_this_process))
    rows = result["rows"]
    assert [(row["engine"], row["precision"], row["batch"]) for row in rows] == [
        (engine, precision, batch)
        for batch in (1, 2)
        for engine, precision in (("torch", "fp32"), (PEER, "-"), ("inductor", "fp32"))
    ]
    assert all(row["repetitions"] >= 5 and row["peak_memory_mb"] > 10 and row["ratio_to_torch"] > 0 for row in rows)
    assert [row["ratio_to_torch"] for row in rows if row["engine"] == "torch"] == [1, 1]
    assert [row["parity"]["restored"] for row in rows if row["engine"] == "inductor"] == [0, 0]
    assert all(("roofline_ms" in row) == (not row["peer"]) for row in rows)
    assert [row["engine"] for row in result["busy_neighbour"]] == ["torch", "inductor"]
    assert result["not_measured"] == ["precision: inductor has fp32, not bf16"]


def test_a_build_for_which_no_time_is_left_is_not_begun_but_named(settings: Settings) -> None:
    hurried = dataclasses.replace(settings, minutes=0, batches=(1,), precisions=("fp32",))
    result = command.measure(Session(hurried, print, in_this_process))
    assert {row["engine"] for row in result["rows"]} == {"torch", PEER}
    assert "its build takes about" in result["not_measured"][0] and "0 s are left" in result["not_measured"][0]


def test_the_page_holds_every_row_and_what_was_not_measured(settings: Settings) -> None:
    one = dataclasses.replace(settings, batches=(1,))
    result = command.measure(Session(one, print, in_this_process))
    result["metadata"] |= {"command": "make bench", "commit": "none", "date": "today", "load_before": 0.0}
    text = page(json.loads(json.dumps(result)))
    named = [line for line in text.splitlines() if line.startswith(("| torch", "| inductor", f"| {PEER}"))]
    assert len(named) == 3 + 2 + 2, "rows, those beside a neighbour, and whether these are within their target"
    assert "busy neighbour" in text and "- precision: inductor has" in text


@pytest.mark.parametrize("wrong", [["--size", "48"], ["--batch", "many"]])
def test_a_wrong_option_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(wrong)
    assert wrong[0] in capsys.readouterr().err


def test_a_worker_is_a_process_that_answers_or_says_why_not(model: str) -> None:
    found = ask_worker({"kind": "work", "model": model, "device": "cpu", "height": 48, "width": 64, "batch": 1})
    assert found["frame_bytes"] == 48 * 64 * (3 + 3 + 1 + 1) + 4 * (4 + 2)
    with pytest.raises(WorkerError, match="model file not found"):
        ask_worker({"kind": "work", "model": "/no/such.pt2", "device": "cpu", "height": 48, "width": 64, "batch": 1})
