"""The settings of `NodeConfig` as ROS parameters: declared with type, range and description, checked when changed."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from weather_perception import qos
from weather_perception.core.config import (
    ANY_TIME,
    CONFIGURE,
    START,
    ConfigError,
    NodeConfig,
    Setting,
    did_you_mean,
    settings_of,
)
from weather_perception.core.health import Finding, Level

# Parameters that rclpy declares or reads itself.
_OF_RCLPY = ("use_sim_time", "start_type_description_service")
_SETTINGS = {item.name: item for item in settings_of(NodeConfig)}


def declare(node: Node) -> NodeConfig:
    """Declare every setting on `node` and return their values; raises ConfigError that names the parameter at fault."""
    qos.check(node)
    values: dict[str, Any] = {}
    for item in _SETTINGS.values():
        default: Any = list(item.default) if isinstance(item.default, tuple) else item.default
        try:
            value = node.declare_parameter(item.name, default, descriptor(item)).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ConfigError(f"{item.name}: {error}") from error
        values[item.name] = item.default if value is None else value  # an empty list has no type
    return NodeConfig.from_mapping(values)


def changed(config: NodeConfig, wanted: Iterable[Parameter], configured: bool) -> NodeConfig:
    """The settings after a change at run time; raises ConfigError that says why it is refused, and what to do."""
    values = {item.name: item.value for item in wanted if item.name in _SETTINGS}
    for name in values:
        if configured and _SETTINGS[name].takes_effect == CONFIGURE:
            raise ConfigError(
                f"{name} takes effect when the node configures: `ros2 lifecycle set NODE deactivate`, then cleanup, "
                "set it, then configure and activate"
            )
    return NodeConfig.from_mapping(asdict(config) | values)


def unknown(node: Node, topics: Collection[str]) -> list[Finding]:
    """A warning for each parameter that was given to the node and that it does not have; rclpy ignores them.

    topics: those that `qos_overrides` may name; none while they are not known.
    """
    found = []
    for name in qos.given(node):
        if name in _SETTINGS or name in _OF_RCLPY:
            continue
        if name.startswith(qos.PREFIX):
            topic, _, _ = name.removeprefix(qos.PREFIX).partition(".")
            if not topics or topic in topics:
                continue
            reason = f"no topic of this node{did_you_mean(topic, topics)}"
        else:
            reason = f"no such parameter{did_you_mean(name, _SETTINGS)}"
        found.append(Finding(Level.WARN, f"{name}: {reason}"))
    return found


def descriptor(item: Setting) -> ParameterDescriptor:
    """The description of a setting that `ros2 param describe` shows."""
    constraints = []
    if item.choices:
        constraints.append(f"one of {', '.join(item.choices)}")
    elif item.unit:
        constraints.append(f"in {item.unit}")
    if item.takes_effect != ANY_TIME:
        constraints.append(f"takes effect {item.takes_effect}")
    described = ParameterDescriptor(
        description=item.doc,
        read_only=item.takes_effect == START,
        additional_constraints="; ".join(constraints),
    )
    if item.bounds and isinstance(item.default, float):
        low, high = item.bounds
        described.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    elif item.bounds:
        low, high = item.bounds
        described.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return described
