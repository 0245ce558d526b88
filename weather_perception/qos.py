"""The quality of service of the node's topics: its own choice, the publishers', or that of `qos_overrides`."""

from collections.abc import Iterable
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from weather_perception.core.config import ConfigError

RELIABILITY = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
PREFIX = "qos_overrides."
_CHOICES: dict[str, Any] = {
    "RELIABILITY": ReliabilityPolicy,
    "DURABILITY": DurabilityPolicy,
    "HISTORY": HistoryPolicy,
    "LIVELINESS": LivelinessPolicy,
}
"""The policies whose values have names."""


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


def check(node: Node) -> None:
    """Raise ConfigError for a value of the user's `qos_overrides` that rclpy would refuse when it uses it."""
    for name, item in given(node).items():
        policy = name.rpartition(".")[2].upper()
        if not name.startswith(PREFIX) or policy not in _CHOICES:
            continue
        choices = [choice.name.lower() for choice in _CHOICES[policy] if choice.name != "UNKNOWN"]
        if str(item.value).lower() not in choices:
            raise ConfigError(f"{name}: {item.value!r} is not one of {', '.join(choices)}")


def overridden(node: Node, topic: str, entity: str) -> tuple[QoSPolicyKind, ...]:
    """The policies that the user's `qos_overrides` give a topic's `entity`, publisher or subscription."""
    start = f"{PREFIX}{topic}.{entity}."
    names = [name.removeprefix(start) for name in given(node) if name.startswith(start)]
    return tuple(QoSPolicyKind[name.upper()] for name in names if name.upper() in QoSPolicyKind.__members__)


def options(node: Node, topic: str, entity: str) -> QoSOverridingOptions | None:
    """The options with which rclpy applies the given overrides and no others; None if none are given."""
    policies = overridden(node, topic, entity)
    return QoSOverridingOptions(policies) if policies else None


def publisher(node: Node, kind: Any, topic: str, profile: QoSProfile) -> Any:
    """A publisher whose `profile` the user's `qos_overrides` may change."""
    full = node.resolve_topic_name(topic)
    return node.create_publisher(kind, topic, profile, qos_overriding_options=options(node, full, "publisher"))
