"""Turns measurements into the rows of docs/results/bench.json, and says which targets they meet."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.bench.work import Work

Row = dict[str, Any]
# The names of ros2_benchmark; latencies are of a batch, from host memory to host memory.
ROS2_BENCHMARK = "BasicPerformanceMetrics"


def statistics(latencies_s: Sequence[float], batch: int) -> Row:
    """Frames per second and latencies (ms) of consecutive runs."""
    latencies = 1e3 * np.array(latencies_s)
    found = {
        "MEAN_FRAME_RATE": 1e3 * batch / latencies.mean(),
        "MIN_LATENCY": latencies.min(),
        "MEAN_LATENCY": latencies.mean(),
        "MAX_LATENCY": latencies.max(),
        "MEAN_JITTER": np.abs(np.diff(latencies)).mean(),
        "MAX_JITTER": np.abs(np.diff(latencies)).max(),
    }
    row = {f"{ROS2_BENCHMARK}.{name}": round(float(value), 3) for name, value in found.items()}
    row["repetitions"] = len(latencies)
    return row | {f"latency_p{share}_ms": round(float(np.percentile(latencies, share)), 3) for share in (50, 95)}


def with_roofline(row: Row, work: Work, machine: Row) -> Row:
    """The row with the work of its batch, the least time for it on this machine, and the share of that reached."""
    if row["precision"] not in machine["multiply_adds_per_s"]:  # of a peer, or int8 without a peak
        return row
    rate = machine["multiply_adds_per_s"][row["precision"]]
    roofline_ms = 1e3 * work.roofline_seconds(row["precision"], rate, machine["bytes_per_s"])
    return row | {
        "multiply_adds": work.multiply_adds,
        "bytes": work.moved_bytes(row["precision"]),
        "roofline_ms": round(roofline_ms, 3),
        "roofline_share": round(roofline_ms / row["latency_p50_ms"], 3),
    }


def fastest(rows: Sequence[Row], height: int, width: int, batch: int) -> Row | None:
    """Our own engine's row with the least latency for a size and batch."""
    return min(_own(rows, height, width, batch), key=lambda row: row["latency_p50_ms"], default=None)


def best(rows: Sequence[Row], height: int, width: int, batch: int, engine: str) -> Row | None:
    """An engine's row at the precision with the best ratio: latencies were measured minutes apart."""
    found = (row for row in _own(rows, height, width, batch) if row["engine"] == engine)
    return max(found, key=lambda row: row["ratio_to_torch"], default=None)


def _own(rows: Sequence[Row], height: int, width: int, batch: int) -> list[Row]:
    shape = {"height": height, "width": width, "batch": batch, "peer": False}
    return [row for row in rows if shape.items() <= row.items()]


def targets(rows: Sequence[Row], busy: Sequence[Row]) -> list[tuple[str, str, bool]]:
    """The targets on two CPU cores: (claim, value found, whether it holds)."""
    found = []
    for engine in ("openvino", "inductor"):
        for height, width in ((360, 640), (720, 1280)):
            if row := best(rows, height, width, 1, engine):
                claim = f"{engine} at least 1.7 times as fast as torch at {width}x{height}"
                found.append((claim, f"{row['ratio_to_torch']:.2f} ({row['precision']})", row["ratio_to_torch"] >= 1.7))
    for height, width, wanted in ((360, 640, 30), (720, 1280, 8)):
        if row := fastest(rows, height, width, 1):
            rate = row[f"{ROS2_BENCHMARK}.MEAN_FRAME_RATE"]
            found.append((f"{width}x{height} at {wanted} frames/s or more", f"{rate:.1f}", rate >= wanted))
            memory = row["peak_memory_mb"]
            found.append((f"less than 600 MB resident at {width}x{height}", f"{memory:.0f} MB", memory < 600))
    for row in busy:
        ratio = row["p95_to_quiet"]
        claim = f"{row['engine']} {row['precision']}: p95 with a busy neighbour at most 2 times the quiet one"
        found.append((claim, f"{ratio:.2f}", ratio <= 2))
    return found
