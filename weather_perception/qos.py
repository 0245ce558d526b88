"""The quality of service of the node's topics: its own choice, the publishers', or that of `qos_overrides`."""

from collections.abc import Iterable
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

RELIABILITY = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
PREFIX = "qos_overrides."


def keep_last(
    depth: int, reliability: ReliabilityPolicy, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE
) -> QoSProfile:
    """A queue of the last `depth` messages."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability)


def offered(publishers: Iterable[Any]) -> ReliabilityPolicy | None:
    """The reliability that receives from every one of these publishers; None without one.

    A reliable subscription never receives from a best-effort publisher, so one such publisher decides.
    """
    found = {info.qos_profile.reliability for info in publishers}
    if not found:
        return None
    return ReliabilityPolicy.RELIABLE if found == {ReliabilityPolicy.RELIABLE} else ReliabilityPolicy.BEST_EFFORT


def given(node: Node) -> dict[str, Any]:
    """The parameters that the user gave this node, declared or not."""
    return dict(getattr(node, "_parameter_overrides", {}))


def overridden(node: Node, topic: str, entity: str) -> tuple[QoSPolicyKind, ...]:
    """The policies that the user's `qos_overrides` give a topic's `entity`, publisher or subscription."""
    start = f"{PREFIX}{topic}.{entity}."
    names = [name.removeprefix(start) for name in given(node) if name.startswith(start)]
    return tuple(QoSPolicyKind[name.upper()] for name in names if name.upper() in QoSPolicyKind.__members__)


def options(node: Node, topic: str, entity: str) -> QoSOverridingOptions | None:
    """What makes rclpy apply those overrides and none that nobody gave; None without one."""
    policies = overridden(node, topic, entity)
    return QoSOverridingOptions(policies) if policies else None


def publisher(node: Node, kind: Any, topic: str, profile: QoSProfile) -> Any:
    """A publisher whose `profile` the user's `qos_overrides` may change."""
    full = node.resolve_topic_name(topic)
    return node.create_publisher(kind, topic, profile, qos_overriding_options=options(node, full, "publisher"))
