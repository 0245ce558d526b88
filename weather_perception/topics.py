"""The two names of a topic: rclpy remaps every name that it is given, so a full name would be remapped twice."""

from typing import NamedTuple

from rclpy.node import Node


class Topic(NamedTuple):
    """`asked`: the name to give to rclpy. `full`: what that makes of it, for reports and `qos_overrides`."""

    asked: str
    full: str

    @classmethod
    def of(cls, node: Node, asked: str) -> "Topic":
        """The topic that a node means by a name."""
        return cls(asked, node.resolve_topic_name(asked))
