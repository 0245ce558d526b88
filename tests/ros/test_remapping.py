"""The node's topics are those that a remapping names: once, also where two cameras are swapped."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage

from tests.support.ros import Camera, Observer, image_msg, spin_until
from weather_perception.node import RestoreNode

Remap = Callable[..., RestoreNode]


@pytest.fixture
def remapped(executor: SingleThreadedExecutor, tiny_model: Path) -> Iterator[Remap]:
    """Starts the node with these remappings, FROM:=TO."""
    nodes: list[RestoreNode] = []

    def start(*rules: str, **values: object) -> RestoreNode:
        given = {"model": str(tiny_model), "build": False, "diagnostics_period": 0.1, **values}
        arguments = ["--ros-args", *(word for rule in rules for word in ("-r", rule))]
        node = RestoreNode(
            cli_args=arguments, parameter_overrides=[Parameter(name, value=value) for name, value in given.items()]
        )
        nodes.append(node)
        executor.add_node(node)
        node.start()
        spin_until(executor, lambda: node.active, "the node is active")
        return node

    yield start
    for node in nodes:
        executor.remove_node(node)
        node.close()


@pytest.mark.parametrize("compressed", [False, True])
def test_two_cameras_can_be_swapped(executor: SingleThreadedExecutor, remapped: Remap, compressed: bool) -> None:
    """A resolved name that is remapped again would swap them back."""
    remapped("front/image:=/rear/image", "rear/image:=/front/image", cameras=["front", "rear"])
    camera, observer = Camera(executor, "/rear/image"), Observer(executor, name="front")
    if compressed:
        camera.advertise(ReliabilityPolicy.RELIABLE, CompressedImage, "/compressed")
    try:
        observer.wait_for_node()
        camera.wait_for_subscriber()
        assert observer.wait_for_health(input_publishers="1")["input_topic"].startswith("/rear/image")
        if not compressed:
            camera.send(image_msg())
            observer.wait_for_answers(1)
    finally:
        camera.node.destroy_node()
        observer.node.destroy_node()


@pytest.mark.parametrize(
    ("rule", "topic"),
    [
        ("image:=/front/image_raw", "/front/camera_info"),
        ("camera_info:=/calibration/front", "/calibration/front"),
        ("/camera_info:=/calibration/front", "/calibration/front"),
    ],
)
def test_the_calibration_is_beside_the_image_or_where_it_is_remapped_to(
    executor: SingleThreadedExecutor, remapped: Remap, camera: Camera, rule: str, topic: str
) -> None:
    remapped(rule)
    publisher = camera.node.create_publisher(CameraInfo, topic, 10)
    spin_until(executor, lambda: publisher.get_subscription_count() == 1, f"the node subscribes to {topic}")
