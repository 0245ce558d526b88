"""Processes under test, cameras that publish to them, and a listener that times the answers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from weather_perception import diagnostics
from weather_perception.core.health import HealthReport

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def process(module: str, log: Path, arguments: Sequence[str] = ()) -> Iterator[int]:
    """Runs a module as a process of its own; gives its id."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", module, "--ros-args", *arguments], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield child.pid
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def memory_mb(pid: int) -> float:
    """The resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def peak_memory_mb(pid: int) -> float:
    """The most resident memory that a process had since its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """The processor time of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cameras:
    """Publishes frames on topics, and times the answers on their partners; use it in a `with` block."""

    def __init__(self, topics: Mapping[str, str], size: tuple[int, int]) -> None:
        """`topics`: the image topic and the topic of its restored image, for each camera."""
        self._executor = SingleThreadedExecutor()
        self._node = Node("cameras")
        self._executor.add_node(self._node)
        height, width = size
        self._frame = Image(height=height, width=width, step=3 * width, encoding="rgb8")
        self._frame.data = array("B", os.urandom(3 * width) * height)
        self._sent: dict[int, float] = {}
        self.latencies: list[float] = []
        self.health: dict[str, HealthReport] = {}
        qos = QoSProfile(depth=1)
        self._publishers = [self._node.create_publisher(Image, topic, qos) for topic in topics]
        self._answers = [
            self._node.create_subscription(Image, topic, self._answered, qos, raw=True) for topic in topics.values()
        ]
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._report, 10)

    def __enter__(self) -> "Cameras":
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._connected():
            if time.monotonic() > deadline:
                raise TimeoutError("the process under test does not listen; see its log")
            self._executor.spin_once(timeout_sec=0.1)
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown()
        self._node.destroy_node()

    def play(self, seconds: float, hz: float) -> None:
        """Publish on every topic at a rate and collect what comes back; forgets what came before."""
        self.latencies.clear()
        self._sent.clear()
        start, number = time.perf_counter(), 0
        while (now := time.perf_counter()) < start + seconds:
            if now >= start + number / hz:
                for index, publisher in enumerate(self._publishers):
                    self._publish(publisher, number * len(self._publishers) + index)
                number += 1
            self._executor.spin_once(timeout_sec=max(start + number / hz - time.perf_counter(), 0.0))
        self.wait(1.0)

    def send_large(self, megabytes: int) -> None:
        """Publish one frame of so many megabytes on every topic, one pixel wide: more rows than any limit."""
        frame = Image(height=megabytes * 1_000_000, width=1, step=1, encoding="mono8")
        frame.data = array("B", bytes(megabytes * 1_000_000))
        frame.header.stamp.sec = 1
        for publisher in self._publishers:
            publisher.publish(frame)

    @property
    def sent(self) -> int:
        """The frames published by the last `play`."""
        return len(self._sent)

    def _publish(self, publisher: object, number: int) -> None:
        self._frame.header.stamp.sec, self._frame.header.stamp.nanosec = 1 + number // 1000, number % 1000
        self._sent[self._key(self._frame.header.stamp.sec, self._frame.header.stamp.nanosec)] = time.perf_counter()
        publisher.publish(self._frame)  # type: ignore[attr-defined]

    def _answered(self, data: bytes) -> None:
        arrival = time.perf_counter()
        key = self._key(int.from_bytes(data[4:8], "little"), int.from_bytes(data[8:12], "little"))
        if key in self._sent:
            self.latencies.append(arrival - self._sent[key])

    def _report(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name.endswith(": health"):
                self.health[status.name] = diagnostics.health_from_status(status)

    def _connected(self) -> bool:
        listening = all(publisher.get_subscription_count() for publisher in self._publishers)
        return listening and all(self._node.count_publishers(item.topic_name) for item in self._answers)

    def wait(self, seconds: float) -> None:
        """Collect what comes back for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    @staticmethod
    def _key(sec: int, nanosec: int) -> int:
        return sec * 10**9 + nanosec


@contextlib.contextmanager
def ros() -> Iterator[None]:
    """rclpy in this process."""
    rclpy.init(args=[])
    try:
        yield
    finally:
        rclpy.try_shutdown()
