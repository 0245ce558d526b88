"""A node that publishes every image as it came: what rclpy and the middleware cost without any work."""

import contextlib

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image


def main() -> None:
    """Relay `image` to `~/image_restored`, the topics of restore_node, until a signal comes."""
    rclpy.init()
    node = rclpy.create_node("restore_node")
    publisher = node.create_publisher(Image, "~/image_restored", QoSProfile(depth=1))
    node.create_subscription(Image, "image", publisher.publish, QoSProfile(depth=1))
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
