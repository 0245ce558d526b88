"""How much of the engine's own rate is left in direct mode, and whether memory grows with the bag.

    python -m benchmarks.replay_rate --frames 1000

Writes bags of raw 640x360 frames, a short one and a long one, and runs `replay` on each in a process of its own. The
rate is a ratio within one run: frames answered a second, with reading, decoding and writing, over frames a second of
inference alone. Memory is the peak of each process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

WIDTH, HEIGHT = 640, 360
IMAGE = "sensor_msgs/msg/Image"
PERIOD_NS = 100_000_000


@dataclass(frozen=True)
class Measured:
    """One run: its frames, the two rates a second, the engine, and the peak of memory in MiB."""

    frames: int
    rate: float
    engine_rate: float
    engine: str
    peak_mib: float

    @property
    def share(self) -> float:
        """The share of the engine's own rate."""
        return self.rate / self.engine_rate


def write_bag(path: Path, frames: int) -> Path:
    """A bag of a picture that moves sideways, with noise, so that no two frames are equal."""
    types = get_typestore(Stores.LATEST)
    random = np.random.default_rng(0)
    picture_HW3 = random.integers(60, 200, (HEIGHT // 20, WIDTH // 20, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    noise_HW3 = random.integers(0, 30, picture_HW3.shape, np.uint8)
    time, header = types.types["builtin_interfaces/msg/Time"], types.types["std_msgs/msg/Header"]
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/camera/image_raw", IMAGE, typestore=types)
        for index in range(frames):
            stamp_ns = 1_700_000_000_000_000_000 + index * PERIOD_NS
            pixels = np.roll(picture_HW3, index, 1) + np.roll(noise_HW3, 7 * index, 0)
            message = types.types[IMAGE](
                header(time(*divmod(stamp_ns, 1_000_000_000)), "camera"),
                HEIGHT, WIDTH, "rgb8", 0, 3 * WIDTH, pixels.reshape(-1),
            )  # fmt: skip
            writer.write(connection, stamp_ns, types.serialize_cdr(message, IMAGE))
    return path


def measure(bag: Path, out: Path, options: list[str]) -> Measured:
    """Run `replay` on a bag in a process of its own."""
    command = [sys.executable, "-m", "weather_perception.replay.cli", str(bag), "--out", str(out), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"replay ended with {code}: {' '.join(command)}")
    metrics = json.loads((out / "metrics.json").read_text())
    run = metrics["cameras"][0]["runs"][0]
    speed = run["speed"]
    return Measured(
        run["counts"]["answered"],
        speed["frames_per_second"],
        speed["engine_frames_per_second"],
        metrics["models"][0]["engine"],
        usage.ru_maxrss / 1024,
    )


def main() -> int:
    """Measure, print the figures; returns 1 if the share is below 80 % or memory grows by more than 10 %."""
    parser = argparse.ArgumentParser("benchmarks.replay_rate", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1000, help="frames of the long bag (default: %(default)s)")
    parser.add_argument("--short", type=int, default=100, help="frames of the short bag (default: %(default)s)")
    parser.add_argument("options", nargs="*", help="options of replay, after --, as in -- --engine openvino")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [
            measure(write_bag(Path(folder) / f"bag{count}", count), Path(folder) / f"out{count}", arguments.options)
            for count in (arguments.short, arguments.frames)
        ]
    for item in found:
        print(
            f"{item.frames} frames by {item.engine}: {item.rate:.2f} of {item.engine_rate:.2f} frames/s "
            f"({100 * item.share:.0f} % of the engine's own rate), peak {item.peak_mib:.0f} MiB"
        )
    growth = found[1].peak_mib / found[0].peak_mib
    print(f"memory of {found[1].frames} frames over that of {found[0].frames}: {growth:.3f}")
    return int(found[1].share < 0.8 or growth > 1.1)


if __name__ == "__main__":
    sys.exit(main())
