"""Publishes /diagnostics: every period, and at once when a level changes."""

import time
from collections.abc import Callable, Iterable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from weather_perception import diagnostics, qos
from weather_perception.core.config import NodeConfig
from weather_perception.core.engines.state import EngineState
from weather_perception.core.health import Finding, Level
from weather_perception.restorer import Camera

_DEPTH = 10


class Reporter:
    """Publishes a node's statuses; for the executor's thread."""

    def __init__(self, node: Node, settings: Callable[[], NodeConfig]) -> None:
        self._node, self._settings = node, settings
        profile = qos.keep_last(_DEPTH, ReliabilityPolicy.RELIABLE)
        self._publisher = qos.publisher(node, DiagnosticArray, "/diagnostics", profile)
        self._levels: dict[str, bytes] = {}
        self._published = float("-inf")

    def tick(self, statuses: list[DiagnosticStatus]) -> None:
        """Publish the statuses if it is time, or if the level of one has changed."""
        levels = {status.name: status.level for status in statuses}
        now = time.monotonic()
        if levels == self._levels and now - self._published < self._settings().diagnostics_period:
            return
        msg = DiagnosticArray(status=statuses)
        msg.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(msg)
        self._levels, self._published = levels, now

    def node(self, state: str, engine: EngineState, problem: str, setup: Iterable[Finding]) -> list[DiagnosticStatus]:
        """The statuses of the node itself: its lifecycle, its engine and the setup around it."""
        name = self._node.get_fully_qualified_name()
        findings = [Finding(Level.ERROR, problem)] if problem else []
        findings += [Finding(Level.WARN, str(item)) for item in engine.problems]
        progress = "none" if engine.progress is None else f"{engine.progress:.2f}"
        values = {"serving": engine.serving, "why": engine.why, "activity": engine.activity, "progress": progress}
        values["waiting_sizes"] = str(engine.waiting)
        return [
            diagnostics.lifecycle_to_status(name, state),
            diagnostics.findings_to_status(
                diagnostics.status_name(name, "", "engine"), findings, str(engine) or "no model is loaded", values
            ),
            diagnostics.findings_to_status(diagnostics.status_name(name, "", "setup"), setup, "nothing to report"),
        ]

    def camera(self, camera: Camera, engine: EngineState, active: bool) -> list[DiagnosticStatus]:
        """The statuses of one camera: its health and, once a frame was answered, its routing."""
        name, config = self._node.get_fully_qualified_name(), self._settings()
        report = camera.health.report()
        extra = {"engine_reason": str(engine), **camera.input.values()}
        # An inactive node has no camera to be late.
        findings = [*report.findings(config.input_timeout), *camera.input.findings()] if active else []
        health_name = diagnostics.health_status_name(name, camera.name)
        statuses = [diagnostics.health_to_status(report, health_name, findings, extra)]
        if camera.last:
            routing = diagnostics.status_name(name, camera.name, "routing")
            statuses.append(diagnostics.routing_to_status(routing, *camera.last, config.novelty_warning))
        return statuses
