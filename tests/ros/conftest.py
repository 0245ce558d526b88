"""Real rclpy over real DDS: the node, a camera and an observer to talk to the node with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from tests.support.ros import Camera, Observer
from weather_perception import transport
from weather_perception.node import RestoreNode


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


@pytest.fixture
def start_node(executor: SingleThreadedExecutor, tiny_model: Path) -> Iterator[Callable[..., RestoreNode]]:
    """Starts the node in this process, on the tiny model, with the given parameters; it builds only if they say so."""
    nodes = []

    def start(**values: bool | int | float | str) -> RestoreNode:
        values = {"model": str(tiny_model), "diagnostics_period": 0.1, "build": False, **values}
        node = RestoreNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
        nodes.append(node)
        executor.add_node(node)
        assert node.start()
        return node

    yield start
    for node in nodes:
        executor.remove_node(node)
        node.close()
