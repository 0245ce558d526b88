"""What the node does with more than it can serve: frames ten times too fast, and a message far too large."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.node.measure import NODE, WARM_UP_SECONDS, Row, one_camera, percentile_ms
from benchmarks.node.rig import Cameras, memory_mb, peak_memory_mb, process, ros
from weather_perception.core.health import HealthReport

# Of the rate that the node can serve.
TIMES = 10
STEPS = 6
_PATIENCE_SECONDS = 60.0


def overload(size: tuple[int, int], seconds: float, arguments: Sequence[str], logs: Path) -> Row:
    """Frames TIMES as fast as the node can serve them: its latency and memory by step, and the frames' whereabouts."""
    with _node_and_camera(size, arguments, logs / "overload.log") as (pid, cameras):
        before = _health(cameras)
        hz = TIMES * 1000 / before.stages["infer"][0]
        memory, p50, p99, sent = [], [], [], 0
        for _ in range(STEPS):
            cameras.play(seconds / STEPS, hz)
            sent += cameras.sent
            memory.append(round(memory_mb(pid), 1))
            p50.append(percentile_ms(cameras.latencies, 50))
            p99.append(percentile_ms(cameras.latencies, 99))
        after = _health(cameras)
    answered, lost = (getattr(after, key) - getattr(before, key) for key in ("frames_answered", "lost_before_node"))
    drops = {reason: count - before.drops.get(reason, 0) for reason, count in after.drops.items()}
    return {
        "seconds": seconds,
        "hz": hz,
        "infer_p50_ms": before.stages["infer"][0],
        "latency_p50_ms": p50,
        "latency_p99_ms": p99,
        "memory_mb": memory,
        "sent": sent,
        "answered": answered,
        "drops": drops,
        "lost_before_node": lost,
        "unaccounted": sent - answered - lost - sum(drops.values()),
    }


def large_message(megabytes: int, arguments: Sequence[str], logs: Path) -> Row:
    """A message that the node drops as too large: by how much its memory grows, in multiples of the message."""
    with _node_and_camera((360, 640), arguments, logs / "large.log") as (pid, cameras):
        before, dropped = memory_mb(pid), _health(cameras).drops.get("too_large", 0)
        cameras.send_large(megabytes)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _health(cameras).drops.get("too_large", 0) == dropped:
            if time.monotonic() > deadline:
                raise TimeoutError("the large message was not dropped")
            cameras.wait(1.0)
        return {
            "message_mb": megabytes,
            "memory_mb": round(before, 1),
            "peak_growth": (peak_memory_mb(pid) - before) / megabytes,
            "kept_growth": (memory_mb(pid) - before) / megabytes,
        }


@contextmanager
def _node_and_camera(size: tuple[int, int], arguments: Sequence[str], log: Path) -> Iterator[tuple[int, Cameras]]:
    """A node that has answered frames, and its camera."""
    with ros(), process(NODE, log, arguments) as pid, Cameras(one_camera(), size) as cameras:
        cameras.play(WARM_UP_SECONDS, 1.0)
        yield pid, cameras


def _health(cameras: Cameras) -> HealthReport:
    (report,) = cameras.health.values()
    return report
