"""Real rclpy over real DDS: the node, a camera and an observer to talk to the node with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from tests.support.ros import Camera, Observer, Rig, spin_until
from weather_perception import transport
from weather_perception.node import RestoreNode

Value = bool | int | float | str | list[str]


@pytest.fixture(scope="package", autouse=True)
def ros_context() -> Iterator[None]:
    transport.apply_defaults()
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def executor(ros_context: None) -> Iterator[SingleThreadedExecutor]:
    executor = SingleThreadedExecutor()
    yield executor
    executor.shutdown()


@pytest.fixture
def camera(executor: SingleThreadedExecutor) -> Iterator[Camera]:
    camera = Camera(executor)
    yield camera
    camera.node.destroy_node()


@pytest.fixture
def observer(executor: SingleThreadedExecutor) -> Iterator[Observer]:
    observer = Observer(executor)
    yield observer
    observer.node.destroy_node()


@contextmanager
def running(executor: SingleThreadedExecutor, **values: Value) -> Iterator[RestoreNode]:
    """The active node in this process, with the given parameters; it builds only if they say so."""
    values = {"diagnostics_period": 0.1, "build": False, **values}
    node = RestoreNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
    executor.add_node(node)
    node.start()
    spin_until(executor, lambda: node.active, "the node is active")
    yield node
    executor.remove_node(node)
    node.close()


@pytest.fixture
def start_node(executor: SingleThreadedExecutor, tiny_model: Path) -> Iterator[Callable[..., RestoreNode]]:
    """Starts the node on the tiny model."""
    started = []

    def start(**values: Value) -> RestoreNode:
        manager = running(executor, **{"model": str(tiny_model), **values})
        started.append(manager)
        return manager.__enter__()

    yield start
    for manager in started:
        manager.__exit__(None, None, None)


@pytest.fixture(scope="module")
def module_rig(ros_context: None, tiny_model: Path) -> Iterator[Rig]:
    executor = SingleThreadedExecutor()
    camera, observer = Camera(executor), Observer(executor)
    with running(executor, model=str(tiny_model)) as node:
        yield Rig(node, camera, observer)
    camera.node.destroy_node()
    observer.node.destroy_node()
    executor.shutdown()


@pytest.fixture
def rig(module_rig: Rig) -> Rig:
    """A node behind a camera, connected; shared by the tests of a module, which find it as at its start."""
    module_rig.reset()
    module_rig.connect()
    return module_rig
