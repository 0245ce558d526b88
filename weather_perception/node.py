"""`restore_node`: a lifecycle node that subscribes to cameras, answers every frame, and reports its health."""

import sys
import threading
from collections.abc import Generator
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from weather_perception import loading, parameters, setup_check, start
from weather_perception.core.config import ConfigError, NodeConfig
from weather_perception.core.engines.state import EngineState
from weather_perception.core.health import Finding
from weather_perception.loading import Loader
from weather_perception.reporter import Reporter
from weather_perception.restorer import Restorer
from weather_perception.start import CannotStart

NODE_NAME = "restore_node"
# How often the publishers of the cameras are looked up, and the levels of /diagnostics compared.
TICK_SECONDS = 0.1
# The look around the node costs more and changes less.
SETUP_TICKS = 10
# The longest that the executor waits for the model, before it serves everything else again.
_TURN_SECONDS = 0.02

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class RestoreNode(LifecycleNode):
    """Configure loads the model and advertises the outputs, activate subscribes to the cameras."""

    def __init__(self, **node_options: Any) -> None:
        """Declare the parameters; raises ConfigError that names the one at fault."""
        super().__init__(NODE_NAME, **node_options)
        self.config: NodeConfig = parameters.declare(self)
        self._loader: Loader | None = None
        self._last_loader: Loader | None = None  # also if it was let go while it loads
        self._restorer: Restorer | None = None
        self._starting = self._active = self._finalized = False
        self._problem = ""
        self._setup: list[Finding] = []
        self._ticks = 0
        self._reporter = Reporter(self, self._settings)
        self.add_on_set_parameters_callback(self._change)
        self._load_before_configuring()
        # The timer follows the steady clock: with use_sim_time and no /clock it would never fire.
        self.create_timer(TICK_SECONDS, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def active(self) -> bool:
        """Whether it answers frames."""
        return self._active

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded."""
        return self._last_loader is not None and not self._last_loader.done.is_set()

    def start(self) -> None:
        """Configure and activate as soon as the model is loaded; if either fails, `CannotStart` ends the spinning."""
        self._starting = True
        self._load()

    def close(self) -> None:
        """Finish the current frame and free everything; the node cannot be used afterwards."""
        self._release()
        self.destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and advertise the outputs; an unusable model leaves the node unconfigured."""
        loader = self._loader or self._load()
        while not loader.done.wait(TICK_SECONDS):  # unless `start` has waited for it
            if not self.context.ok():
                return FAILURE
            self._report()
        self._problem = loader.problem
        if loader.engine is None:
            self._loader = None
            self.get_logger().error(f"cannot load the model: {loader.problem}")
            return FAILURE
        engine = loader.engine
        try:
            self._restorer = Restorer(self, engine, self._settings)
        except Exception as error:
            self._loader = None
            return self._refused("configure", error)
        self.get_logger().info(f"model {engine.manifest.name} ({engine.model_hash[:12]}), engine {engine.name}")
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe, as soon as a camera publishes."""
        assert self._restorer
        self._active = True
        topics = ", ".join(camera.input.topic for camera in self._restorer.cameras)
        self.get_logger().info(f"waiting for images on {topics}")
        try:
            self._restorer.match()
        except Exception as error:
            self._restorer.unsubscribe()
            self._active = False
            return self._refused("activate", error)
        self._problem = ""
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; the current frame is still answered."""
        self._active = False
        if self._restorer:
            self._restorer.unsubscribe()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the model and withdraw the outputs."""
        self._release()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering frames for good."""
        self._starting, self._finalized = False, True
        self._release()
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured, with nothing left of what failed."""
        self._release()
        return SUCCESS

    def _refused(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        """Say why a transition fails: rclpy would not."""
        self._problem = f"cannot {transition}: {type(error).__name__}: {error}"
        self.get_logger().error(self._problem)
        return FAILURE

    def _load_before_configuring(self) -> None:
        """Let a lifecycle manager's `configure` wait for the model alone, while the node answers everything else."""
        (service,) = (item for item in self.services if item.srv_type is ChangeState)
        change_state = service.callback

        async def load_and_change_state(
            request: ChangeState.Request, response: ChangeState.Response
        ) -> ChangeState.Response:
            wanted = request.transition
            configure = wanted.label == "configure" or (
                not wanted.label and wanted.id == Transition.TRANSITION_CONFIGURE
            )
            if configure and not self._finalized:
                await _Turns(self, (self._loader or self._load()).done)
            return change_state(request, response) if self.context.ok() else response

        service.callback = load_and_change_state
        service.callback_group = MutuallyExclusiveCallbackGroup()  # of its own: the others do not wait for it
        service.callback_group.add_entity(service)

    def _settings(self) -> NodeConfig:
        return self.config

    def _change(self, wanted: list[Parameter]) -> SetParametersResult:
        """Take over changed parameters, all or none."""
        try:
            self.config = parameters.changed(self.config, wanted, self._loader is not None)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _load(self) -> Loader:
        self.get_logger().info(f"loading {self.config.model or 'the default model'}")
        self._loader = self._last_loader = Loader(self.config, self._log_engine)
        return self._loader

    def _log_engine(self, line: str) -> None:
        """Log which engine serves and why, from any thread."""
        if self.context.ok():  # a build in the background may outlast the node
            self.get_logger().info(line)

    def _tick(self) -> None:
        if self._starting and not self.loading:
            self._starting = False
            if not self._restorer and self.trigger_configure() != SUCCESS:
                raise CannotStart
            if not self._active and self.trigger_activate() != SUCCESS:
                raise CannotStart
        if self._active and self._restorer:
            self._restorer.match()
        if self._ticks % SETUP_TICKS == 0:
            self._setup = setup_check.findings(self, self._topics())
        self._ticks += 1
        self._report()

    def _topics(self) -> set[str]:
        """The topics that the node uses, fully qualified; none before it is configured."""
        if not self._restorer:
            return set()
        used = {publisher.topic_name for publisher in self.publishers}
        for camera in self._restorer.cameras:
            used |= camera.input.topics | {camera.info.topic}
        return used

    def _report(self) -> None:
        state = "active" if self._active else "inactive" if self._restorer else "unconfigured"
        state = "finalized" if self._finalized else state
        engine = self._loader.status.state() if self._loader else EngineState(activity="")
        statuses: list[DiagnosticStatus] = self._reporter.node(state, engine, self._problem, self._setup)
        for camera in self._restorer.cameras if self._restorer else ():
            statuses += self._reporter.camera(camera, engine, self._active)
        self._reporter.tick(statuses)

    def _release(self) -> None:
        self._active = False
        if self._restorer:
            self._restorer.close()
        self._restorer = self._loader = None
        loading.release_memory()


class _Turns:
    """Waits for an event in a coroutine of the executor, which serves the node's other callbacks in between."""

    def __init__(self, node: LifecycleNode, event: threading.Event) -> None:
        self._node, self._event = node, event

    def __await__(self) -> Generator[None, None, None]:
        # rclpy resumes a coroutine as fast as it can, so the wait is here: it would keep a core busy.
        while not self._event.wait(_TURN_SECONDS) and self._node.context.ok():
            yield


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal stops it; returns the exit code, 0 after SIGINT and SIGTERM."""
    return start.run(RestoreNode, sys.argv if args is None else args)


if __name__ == "__main__":
    sys.exit(main())
