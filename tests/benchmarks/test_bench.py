"""`make bench`: what a batch takes is counted right, every row is measured, and the targets are judged by the rows."""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.bench import __main__ as command
from benchmarks.bench import measure, peak, precisions, session, worker
from benchmarks.bench.page import page
from benchmarks.bench.process import WorkerError, ask_worker
from benchmarks.bench.report import ROS2_BENCHMARK, best, fastest, statistics, targets
from benchmarks.bench.session import Session, Settings
from benchmarks.bench.work import Work, work_of
from benchmarks.bench.worker import answer_to
from tests.support.engines import CopyBackend
from weather_perception.core import program
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
def model(tiny_model: Path) -> str:
    return str(tiny_model)


def small_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices and copies that take no time."""
    monkeypatch.setattr(peak, "_SECONDS", 0.0)
    monkeypatch.setattr(peak, "_LARGE", {"cpu": 64})
    monkeypatch.setattr(peak, "_COPIED_NUMBERS", 1 << 10)


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


class Clock:
    """A machine whose time runs by what is computed on it, at a speed that changes when its time is up."""

    def __init__(self, phases: list[tuple[float, float]]) -> None:
        self.now = 0.0
        self.phases = phases  # (until, speed)

    def perf_counter(self) -> float:
        return self.now

    def runs(self, seconds: float) -> Callable[[], None]:
        def run() -> None:
            speed = next(speed for until, speed in self.phases if self.now < until)
            self.now += seconds / speed

        return run


def test_an_engine_is_as_fast_as_its_turns_say_while_the_machine_changes_its_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock([(3.3, 1.0), (5.1, 0.5), (7.0, 0.8), (np.inf, 0.4)])
    monkeypatch.setattr(measure, "time", clock)
    assert measure.times_as_fast(clock.runs(0.01), clock.runs(0.02), 8) == pytest.approx(2)
    slow = Clock([(np.inf, 1.0)])
    monkeypatch.setattr(measure, "time", slow)
    assert measure.times_as_fast(slow.runs(1), slow.runs(3), 0) == pytest.approx(3)
    assert slow.now == measure.PAIRS * (1 + measure.BLOCK) * (1 + 3), "however slow, it has its turns"


def test_the_first_batch_of_a_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock([(np.inf, 1.0)])
    monkeypatch.setattr(measure, "time", clock)
    last = ""

    def runs(name: str, seconds: float) -> Callable[[], None]:
        cold, warm = clock.runs(5 + seconds), clock.runs(seconds)

        def run() -> None:
            nonlocal last
            (warm if last == name else cold)()
            last = name

        return run

    assert measure.times_as_fast(runs("engine", 1), runs("reference", 4), 0) == pytest.approx(4)


def test_the_peak_of_int8_counts_where_there_are_instructions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    small_peaks(monkeypatch)
    least = iter([4.0, 1.0])
    monkeypatch.setattr(peak, "_least_seconds", lambda run, device: (run(), next(least))[1])
    found = peak.multiply_adds_per_s("cpu", ["fp32", "int8"])
    assert found["int8"] == 4 * found["fp32"]
    least = iter([1.0, 2.0])
    assert set(peak.multiply_adds_per_s("cpu", ["fp32", "int8"])) == {"fp32"}

    def none(*_: object) -> None:
        raise NotImplementedError("no such operator on this device")

    monkeypatch.setattr(torch, "_int_mm", none)
    least = iter([1.0, 0.5])
    assert set(peak.multiply_adds_per_s("cpu", ["fp32", "int8"])) == {"fp32"}


def test_precisions_are_those_that_the_machine_and_its_backends_are_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = CopyBackend()
    monkeypatch.setattr(precisions, "cpu_features", lambda: frozenset({"avx2", "avx512_bf16"}))
    assert precisions.default_precisions("cpu", [backend]) == (("bf16", "fp32"), [])
    monkeypatch.setattr(backend, "precisions", ("fp32", "int8"))
    assert precisions.default_precisions("cpu", [backend]) == (("int8", "bf16", "fp32"), [])
    monkeypatch.setattr(precisions, "cpu_features", lambda: frozenset({"avx2"}))
    chosen, (reason,) = precisions.default_precisions("cpu", [backend])
    assert chosen == ("int8", "fp32") and "bf16: this CPU has no instructions" in reason
    assert precisions.default_precisions("cuda:0", []) == (("bf16", "fp32"), [])


def test_an_engine_is_judged_at_its_best_ratio_and_the_fastest_row_by_its_latency() -> None:
    shape = {"height": 360, "width": 640, "batch": 1, "peer": False, "engine": "openvino"}
    calm = shape | {"precision": "fp32", "latency_p50_ms": 20, "ratio_to_torch": 1.5}
    disturbed = shape | {"precision": "int8", "latency_p50_ms": 25, "ratio_to_torch": 2.5}
    peers = calm | {"peer": True, "latency_p50_ms": 1}
    assert best([calm, disturbed, peers], 360, 640, 1, "openvino") == disturbed
    assert fastest([calm, disturbed, peers], 360, 640, 1) == calm


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
    small_peaks(monkeypatch)
    # A process opens a file once; here that is one process.
    monkeypatch.setattr(program, "open_program", functools.cache(program.open_program))
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


def test_memory_is_read_before_the_reference_computes_beside_the_engine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        done = getattr(measure, name)

        def run(*given: object) -> object:
            order.append(name)
            return done(*given)

        return run

    for name in ("latencies_s", "peak_memory_bytes", "times_as_fast"):
        monkeypatch.setattr(worker, name, noted(name))
    one = dataclasses.replace(settings, batches=(1,))
    asked = Session(one, print, in_this_process)
    asked.measure_machine()
    asked.measure_one_frame()
    alone = ["latencies_s", "peak_memory_bytes"]
    assert order == [*alone, *alone, "times_as_fast", *alone, "times_as_fast"], "torch, the peer, the engine"


def test_each_engine_is_measured_quiet_and_at_once_beside_a_neighbour(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = False
    latencies: list[tuple[str, bool]] = []

    @contextlib.contextmanager
    def neighbour() -> Iterator[None]:
        nonlocal busy
        busy = True
        yield
        busy = False

    def ask(request: dict[str, Any], patience: float) -> dict[str, Any]:
        answer = in_this_process(request, patience)
        if request["kind"] == "engine" and not request["compare"]:
            latencies.append((request["engine"], busy))
            answer["latencies_s"] = [0.03 if busy else 0.01] * 5
        return answer

    monkeypatch.setattr(session, "busy_neighbour", neighbour)
    result = command.measure(Session(dataclasses.replace(settings, batches=(1,), peers=()), print, ask))
    assert latencies == [("torch", False), ("torch", True), ("inductor", False), ("inductor", True)]
    assert [(row["quiet_p95_ms"], row["p95_to_quiet"]) for row in result["busy_neighbour"]] == [(10, 3), (10, 3)]


def test_the_peak_is_the_most_of_the_whole_run(settings: Settings) -> None:
    found = [(4.0, 7.0), (5.0, 6.0)]

    def ask(request: dict[str, Any], patience: float) -> dict[str, Any]:
        if request["kind"] != "peaks":
            return in_this_process(request, patience)
        rate, copied = found.pop(0)
        return {"multiply_adds_per_s": dict.fromkeys(request["precisions"], rate), "bytes_per_s": copied}

    result = command.measure(Session(dataclasses.replace(settings, batches=(1,), peers=()), print, ask))
    assert result["metadata"]["multiply_adds_per_s"] == {"bf16": 5.0, "fp32": 5.0}
    assert result["metadata"]["bytes_per_s"] == 7.0 and not found


def test_what_this_machine_is_not_made_for_is_left_out_and_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "cpu_features", frozenset)
    chosen = dataclasses.replace(settings, precisions=(), batches=(1,), peers=())
    result = command.measure(Session(chosen, print, in_this_process))
    assert [(row["engine"], row["precision"]) for row in result["rows"]] == [("torch", "fp32"), ("inductor", "fp32")]
    assert "bf16: this CPU has no instructions" in result["not_measured"][0]
    assert set(result["metadata"]["multiply_adds_per_s"]) == {"fp32"}, "emulated, it would take long"


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


def test_the_work_is_the_same_on_every_device(model: str) -> None:
    """Shown on PyTorch's `meta` device, which refuses tensors of any other as a GPU does."""
    request = {"kind": "work", "model": model, "height": 48, "width": 64, "batch": 1}
    assert answer_to({**request, "device": "meta"}) == answer_to({**request, "device": "cpu"})


def test_a_worker_is_a_process_that_answers_or_says_why_not(model: str) -> None:
    found = ask_worker({"kind": "work", "model": model, "device": "cpu", "height": 48, "width": 64, "batch": 1})
    assert found["frame_bytes"] == 48 * 64 * (3 + 3 + 1 + 1) + 4 * (4 + 2)
    with pytest.raises(WorkerError, match="model file not found"):
        ask_worker({"kind": "work", "model": "/no/such.pt2", "device": "cpu", "height": 48, "width": 64, "batch": 1})
