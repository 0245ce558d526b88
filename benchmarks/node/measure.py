"""The measurements: each compares two arrangements in one run, on the same frames."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import theilslopes

from benchmarks.node.rig import Cameras, cpu_seconds, memory_mb, process, ros

NODE, RELAY = "weather_perception.node", "benchmarks.node.relay"
CAMERAS_HZ, SOAK_HZ = 10.0, 10.0
LATENCY_HZ = 30.0
WARM_UP_SECONDS = 5.0
Row = dict[str, object]


def latency(size: tuple[int, int], seconds: float, arguments: Sequence[str], logs: Path) -> Row:
    """What the node adds to a frame besides the engine's time, against a node that does nothing.

    Its model is to answer at once: a slow engine's time varies by more than the node's own, and would hide it.
    """
    row: Row = {"size": f"{size[0]}x{size[1]}", "hz": LATENCY_HZ}
    with ros():
        for name, module in (("relay", RELAY), ("node", NODE)):
            given = arguments if module == NODE else []
            with process(module, logs / f"{name}.log", given), Cameras(one_camera(), size) as cameras:
                cameras.play(WARM_UP_SECONDS, LATENCY_HZ)
                cameras.play(seconds, LATENCY_HZ)
                row[f"{name}_p50_ms"] = _ms(cameras.latencies)
                row[f"{name}_sent"], row[f"{name}_lost"] = cameras.sent, cameras.sent - len(cameras.latencies)
                for report in cameras.health.values():
                    row["stages_p50_ms"] = {stage: figures[0] for stage, figures in report.stages.items()}
                    row["infer_p50_ms"] = report.stages["infer"][0]
    row["added_p50_ms"] = float(str(row["node_p50_ms"])) - float(str(row["infer_p50_ms"]))
    row["above_relay_ms"] = float(str(row["added_p50_ms"])) - float(str(row["relay_p50_ms"]))
    return row


def cameras(count: int, size: tuple[int, int], seconds: float, arguments: Sequence[str], logs: Path) -> Row:
    """`count` cameras on one node, against as many nodes with one camera each."""
    names = [f"camera{index}" for index in range(count)]
    one = {f"/{name}/image": f"/restore_node/{name}/image_restored" for name in names}
    many = {f"/{name}/image": f"/{name}/restore_node/image_restored" for name in names}
    listed = ["-p", f"cameras:=[{', '.join(names)}]"]
    with ros():
        together = _throughput(one, size, seconds, [("one", [*arguments, *listed])], logs)
        apart = [(name, [*arguments, "-r", f"__ns:=/{name}"]) for name in names]
        return {"cameras": count, "one_node": together, "many_nodes": _throughput(many, size, seconds, apart, logs)}


def soak(size: tuple[int, int], seconds: float, arguments: Sequence[str], logs: Path) -> Row:
    """Memory and processor time of the node over a long run, by minute.

    The slope is Theil and Sen's, of the second half, with its interval of 95 %.
    """
    with ros(), process(NODE, logs / "soak.log", arguments) as pid, Cameras(one_camera(), size) as cameras:
        cameras.play(WARM_UP_SECONDS, SOAK_HZ)
        memory, begun = [], cpu_seconds(pid)
        steps = max(int(seconds // 10), 4)
        lost = 0
        for _ in range(steps):
            cameras.play(seconds / steps, SOAK_HZ)
            lost += cameras.sent - len(cameras.latencies)
            memory.append(memory_mb(pid))
        half = memory[len(memory) // 2 :]
        minutes = [index * seconds / steps / 60 for index in range(len(half))]
        slope = theilslopes(half, minutes)  # robust against the single steps of an allocator
        return {
            "minutes": seconds / 60,
            "memory_mb": [round(value, 1) for value in memory],
            "slope_kb_per_minute": 1000 * float(slope.slope),
            "slope_interval_kb_per_minute": [1000 * float(slope.low_slope), 1000 * float(slope.high_slope)],
            "cpu_cores": (cpu_seconds(pid) - begun) / seconds,
            "lost": lost,
        }


def _throughput(
    topics: dict[str, str], size: tuple[int, int], seconds: float, nodes: list[tuple[str, list[str]]], logs: Path
) -> Row:
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(process(NODE, logs / f"{name}.log", arguments)) for name, arguments in nodes]
        rig = stack.enter_context(Cameras(topics, size))
        rig.play(WARM_UP_SECONDS, CAMERAS_HZ)
        rig.play(seconds, CAMERAS_HZ)
        return {
            "frames_per_second": len(rig.latencies) / seconds,
            "latency_p50_ms": _ms(rig.latencies),
            "memory_mb": round(sum(map(memory_mb, pids)), 1),
        }


def one_camera() -> dict[str, str]:
    """The topic of a node's one camera, and that of its answers."""
    return {"image": "restore_node/image_restored"}


def parameters(model: str, engine: str) -> list[str]:
    """The node's arguments: no engine is built meanwhile, and /diagnostics comes often."""
    values = ["-p", "build:=false", "-p", f"engine:={engine}", "-p", "diagnostics_period:=0.5"]
    return [*values, "-p", f"model:={model}"] if model else values


def percentile_ms(latencies: list[float], percent: int) -> float:
    """A percentile of seconds, in milliseconds; NaN without any."""
    return 1000 * float(np.percentile(latencies, percent)) if latencies else float("nan")


def _ms(latencies: list[float]) -> float:
    return percentile_ms(latencies, 50)
