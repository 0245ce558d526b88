"""The command `restore_node`: its arguments, how the node spins, and how it ends."""

import argparse
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.utilities import remove_ros_args

from weather_perception import transport
from weather_perception.core.config import ConfigError, NodeConfig, settings_of

if TYPE_CHECKING:
    from weather_perception.node import RestoreNode

_NAME = "restore_node"
# The C sources that rcl's errors name help nobody.
_SOURCE_PLACE = re.compile(r",? at /[^ ,]+:\d+")


class CannotStart(Exception):
    """The node was to start by itself and cannot; the log has the reason."""


def run(make_node: "type[RestoreNode]", arguments: list[str]) -> int:
    """Run the node until a signal stops it; returns the exit code, 0 after SIGINT and SIGTERM."""
    # rclpy's own handlers, which end the spinning, replace these and put them back at its shutdown: so neither an
    # impatient second Ctrl-C nor the SIGTERM that follows it can interrupt the clean-up. What comes before rclpy has
    # its handlers is remembered: a parent's death is signalled only once.
    early: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: early.append(number))
    transport.apply_defaults()
    try:
        parser().parse_args(remove_ros_args(arguments)[1:])
        rclpy.init(args=arguments)
    except RuntimeError as error:
        print(f"{_NAME}: cannot start: {_SOURCE_PLACE.sub('', str(error))}", file=sys.stderr)
        return 1
    if early:
        rclpy.try_shutdown()
        return 0
    code, loading = _run(make_node)
    if loading:  # a thread inside PyTorch's import cannot be stopped, and must not meet the interpreter's end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(make_node: "type[RestoreNode]") -> tuple[int, bool]:
    """The exit code, and whether a thread still loads the model."""
    node: RestoreNode | None = None
    try:
        node = make_node()
        if node.config.autostart:
            node.start()
        _spin(node)
        code = 0
    except (KeyboardInterrupt, ExternalShutdownException):
        code = 0
    except (CannotStart, ConfigError, NameValidationException) as error:
        code = 1 if rclpy.ok() else 0  # a signal while loading is no failure
        if str(error):
            get_logger(_NAME).error(f"parameter {error}" if isinstance(error, ConfigError) else str(error))
    except RuntimeError:
        if rclpy.ok():  # else a signal came while loading: up to Jazzy, rclpy then fails to announce the transition
            raise
        code = 0
    finally:
        loading = node is not None and node.loading
        if node:
            node.close()
        rclpy.try_shutdown()
    return code, loading


def _spin(node: "RestoreNode") -> None:
    """Spin until the context ends. Up to Jazzy, a refused transition raises out of rclpy; the node goes on."""
    while rclpy.ok():
        try:
            rclpy.spin(node)
        except rclpy_implementation.RCLError as error:
            if rclpy.ok():
                node.get_logger().warning(f"refused: {_SOURCE_PLACE.sub('', str(error))}")


def parser() -> argparse.ArgumentParser:
    """The command line beside ROS's own arguments: help alone."""
    parameters = "\n".join(f"  {item.name}: {item.doc}" for item in settings_of(NodeConfig))
    return argparse.ArgumentParser(
        _NAME,
        usage="%(prog)s [-h] [--ros-args -r image:=TOPIC -p PARAMETER:=VALUE --params-file FILE ...]",
        description="Answers every frame of cameras with a restored image, a semantic mask and the weather.",
        epilog=f"parameters:\n{parameters}\n\nEverything else goes after --ros-args, as for every ROS 2 node.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
