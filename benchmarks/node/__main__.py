"""`make bench-node`: what the node adds to a frame, many cameras on one node or many, overload, and a soak."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from weather_perception.transport import MALLOC_TUNABLES, apply_defaults

ROOT = Path(__file__).resolve().parents[2]
FRAME = (360, 640)
"""Rows and columns of the frames of every measurement except latency."""


def main() -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args()
    if "GLIBC_TUNABLES" not in os.environ:  # glibc reads them when a process starts, and this one publishes
        environment = {**os.environ, "GLIBC_TUNABLES": MALLOC_TUNABLES}
        return subprocess.call([sys.executable, "-m", "benchmarks.node", *sys.argv[1:]], env=environment)
    apply_defaults()
    from benchmarks.node.light_model import write_light_model
    from benchmarks.node.measure import cameras, latency, parameters, soak
    from benchmarks.node.overload import large_message, overload

    result: dict[str, object] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        logs, arguments = Path(folder), parameters(options.model, options.engine)
        if options.engine != "torch":
            build(options.engine, options.model)
        if options.seconds:
            light = parameters(write_light_model(logs / "light.pt2"), "torch")
            result["latency"] = [latency(size, options.seconds, light, logs) for size in options.size]
            result["cameras"] = cameras(options.cameras, FRAME, options.seconds, arguments, logs)
        if options.overload:
            result["overload"] = overload(FRAME, options.overload, arguments, logs)
        if options.large:
            result["large_message"] = large_message(options.large, arguments, logs)
        if options.soak:
            result["soak"] = soak(FRAME, 60 * options.soak, arguments, logs)
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")
    return 0


def build(engine: str, model: str) -> None:
    """Build the engine of the frames, so that the node finds it ready; raises CalledProcessError."""
    given = ["--model", model] if model else []
    command = [sys.executable, "-m", "weather_perception.build_engine", "--engine", engine, *given]
    subprocess.run([*command, "--size", f"{FRAME[0]}x{FRAME[1]}"], check=True)


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser("python -m benchmarks.node", description=__doc__)
    made.add_argument("--model", default="", help="model file; default: the one that comes with the package")
    made.add_argument(
        "--engine", default="torch", help="of cameras, overload and soak: torch, openvino, ...; default: %(default)s"
    )
    made.add_argument(
        "--seconds", type=float, default=20.0, help="of latency and cameras, 0: none; default: %(default)s"
    )
    made.add_argument("--size", type=size, nargs="+", default=[FRAME, (720, 1280)], metavar="HEIGHTxWIDTH")
    made.add_argument("--cameras", type=int, default=6, help="cameras of one node, and nodes; default: %(default)s")
    made.add_argument("--soak", type=float, default=10.0, metavar="MINUTES", help="0: none; default: %(default)s")
    made.add_argument(
        "--overload",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="ten times too fast, 0: none; default: %(default)s",
    )
    made.add_argument(
        "--large",
        type=int,
        default=400,
        metavar="MB",
        help="of a message that is too large, 0: none; default: %(default)s",
    )
    made.add_argument("--out", type=Path, help="file for the result, JSON")
    return made


def size(text: str) -> tuple[int, int]:
    """As in 720x1280."""
    height, _, width = text.partition("x")
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(main())
