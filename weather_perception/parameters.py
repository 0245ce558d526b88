"""The settings of `NodeConfig` as declared ROS parameters: type, range and description come from the declaration."""

from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from weather_perception.core.config import ConfigError, NodeConfig, Setting, settings_of


def declare(node: Node) -> NodeConfig:
    """Declare every setting on `node` and return their values; raises ConfigError that names the parameter at fault.

    All are read-only: a change needs a restart, so that /diagnostics always reports the settings in use.
    """
    values: dict[str, Any] = {}
    for item in settings_of(NodeConfig):
        try:
            values[item.name] = node.declare_parameter(item.name, item.default, descriptor(item)).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ConfigError(f"{item.name}: {error}") from error
    return NodeConfig.from_mapping(values)


def descriptor(item: Setting) -> ParameterDescriptor:
    """The description of a setting that `ros2 param describe` shows."""
    described = ParameterDescriptor(description=item.doc, read_only=True)
    if item.choices:
        described.additional_constraints = f"one of {', '.join(item.choices)}"
    elif item.unit:
        described.additional_constraints = f"in {item.unit}"
    if item.bounds and isinstance(item.default, float):
        low, high = item.bounds
        described.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    elif item.bounds:
        low, high = item.bounds
        described.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return described
