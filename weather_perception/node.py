"""`restore_node`: a lifecycle node that subscribes to a camera, answers every frame, and reports its health."""

import signal
import sys
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.qos import ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image as ImageMsg

from weather_perception import diagnostics, parameters, transport
from weather_perception.core.config import ConfigError
from weather_perception.core.contract import ContractError
from weather_perception.core.engines.base import EngineError, EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.engines.state import EngineStatus
from weather_perception.core.health import HealthReport
from weather_perception.restorer import RELIABILITY, Restorer, keep_last

NODE_NAME = "restore_node"
INPUT_TOPIC = "image"
# The latest frame wins: a longer queue only makes every frame older.
INPUT_DEPTH = 1
# How often the publishers of the input topic are looked up.
MATCH_PERIOD_SECONDS = 0.1

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class RestoreNode(LifecycleNode):
    """Configure loads the model and advertises the outputs, activate subscribes to the camera."""

    def __init__(self, **node_options: Any) -> None:
        """Declare the parameters; raises ConfigError that names the one at fault."""
        super().__init__(NODE_NAME, **node_options)
        self.config = parameters.declare(self)
        self._restorer: Restorer | None = None
        self._active = False
        self._engine_status = EngineStatus()
        self._subscription: Subscription | None = None
        self._reliability: ReliabilityPolicy | None = None
        self._image_topic = self.resolve_topic_name(INPUT_TOPIC)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Timers follow the steady clock: with use_sim_time and no /clock they would never fire.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self.config.diagnostics_period, self._publish_diagnostics, clock=steady)
        self.create_timer(MATCH_PERIOD_SECONDS, self._match_publishers, clock=steady)

    def start(self) -> bool:
        """Configure and activate; False (with the reason logged) if either fails."""
        return self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS

    def close(self) -> None:
        """Finish the current frame and free everything; the node cannot be used afterwards."""
        self._release()
        self.destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and advertise the outputs; an unusable model leaves the node unconfigured."""
        config = self.config
        self.get_logger().info(f"loading {config.model or 'the default model'}")
        try:
            options = EngineOptions(
                config.engine,
                config.device,
                config.torch_threads,
                config.precision,
                config.build,
                in_background=True,
                meanwhile=config.meanwhile,
                model_sha256=config.model_sha256,
            )
            self._engine_status = EngineStatus()
            engine = build_engine(config.model, options, self._report_engine, self._engine_status)
        except (OSError, ContractError, EngineError) as error:
            self.get_logger().error(f"cannot load the model: {error}")
            return FAILURE
        self._restorer = Restorer(self, engine, config)
        self.get_logger().info(f"model {engine.manifest.name} ({engine.model_hash[:12]}), engine {engine.name}")
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe, as soon as a camera publishes."""
        self._active = True
        self.get_logger().info(f"waiting for images on {self._image_topic}")
        self._match_publishers()
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; the current frame is still answered."""
        self._unsubscribe()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the model and withdraw the outputs."""
        self._release()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering frames for good."""
        self._release()
        return SUCCESS

    def _report_engine(self, line: str) -> None:
        """Log which engine serves and why, from any thread."""
        if self.context.ok():  # a build in the background may outlast the node
            self.get_logger().info(line)

    def _match_publishers(self) -> None:
        """Subscribe with the reliability that the topic's publishers offer, and again when that changes."""
        if not self._active or not self._restorer:
            return
        wanted = self._wanted_reliability()
        if wanted in (None, self._reliability):
            return
        if self._subscription:
            self.destroy_subscription(self._subscription)
        qos = keep_last(INPUT_DEPTH, wanted)
        self._subscription = self.create_subscription(ImageMsg, INPUT_TOPIC, self._restorer.receive, qos)
        self._reliability = wanted
        self.get_logger().info(f"subscribed to {self._image_topic} ({wanted.name.lower()})")

    def _wanted_reliability(self) -> ReliabilityPolicy | None:
        """The reliability to subscribe with; None while there is no publisher to follow.

        A reliable subscription never receives from a best-effort publisher, so one such publisher decides.
        """
        if self.config.input_reliability != "auto":
            return RELIABILITY[self.config.input_reliability]
        offered = {info.qos_profile.reliability for info in self.get_publishers_info_by_topic(self._image_topic)}
        if not offered:
            return None
        return ReliabilityPolicy.RELIABLE if offered == {ReliabilityPolicy.RELIABLE} else ReliabilityPolicy.BEST_EFFORT

    def _unsubscribe(self) -> None:
        self._active = False
        if self._subscription:
            self.destroy_subscription(self._subscription)
        self._subscription = self._reliability = None

    def _release(self) -> None:
        self._unsubscribe()
        if self._restorer:
            self._restorer.close()
            self._restorer = None

    def _publish_diagnostics(self) -> None:
        state = "active" if self._active else "inactive" if self._restorer else "unconfigured"
        msg = DiagnosticArray(status=[diagnostics.lifecycle_to_status(self.get_fully_qualified_name(), state)])
        if self._restorer:
            msg.status.append(self._health_status(self._restorer.health.report()))
        msg.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(msg)

    def _health_status(self, report: HealthReport) -> DiagnosticStatus:
        extra = {
            "engine_reason": str(self._engine_status.state()),
            diagnostics.INPUT_TOPIC: self._image_topic,
            "input_publishers": str(self.count_publishers(self._image_topic)),
            "input_reliability": self._reliability.name.lower() if self._reliability else "none",
        }
        name = diagnostics.health_status_name(self.get_fully_qualified_name())
        return diagnostics.health_to_status(report, name, self.config.input_timeout, extra)


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal stops it; returns the exit code, 0 after SIGINT and SIGTERM."""
    transport.apply_defaults()
    rclpy.init(args=args)
    node: RestoreNode | None = None
    try:
        node = RestoreNode()
        if node.config.autostart and not node.start():
            return 1 if rclpy.ok() else 0  # a signal while loading is no failure
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except ConfigError as error:
        get_logger(NODE_NAME).error(f"parameter {error}")
        return 1
    except RuntimeError:
        if rclpy.ok():  # else a signal came while loading: up to Jazzy, rclpy then fails to announce the transition
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the clean-up
        if node:
            node.close()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
