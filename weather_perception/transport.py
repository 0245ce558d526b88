"""Makes large images arrive: gives Fast DDS a shared-memory segment that holds them. Call before `rclpy.init`."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from weather_perception.core.resources import find_resource

PROFILE = "config/fastdds.xml"
# Kilted and later read the first (and warn of the second), Jazzy and Humble read the second.
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_KILTED_RCLPY = 9
# Raised together, they let glibc keep the buffers of large images instead of mapping and clearing new pages for each.
# glibc reads them when a process starts, so they belong in the launch file or the shell, not in the node.
MALLOC_TUNABLES = "glibc.malloc.mmap_threshold=268435456:glibc.malloc.trim_threshold=536870912"
# Profiles that Fast DDS loads from the working directory.
_LOCAL_PROFILES = ("DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml")
_FAST_DDS = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")


def apply_defaults() -> Path | None:
    """Use the package's Fast DDS profile in this process, unless the user chose a transport; returns it if used.

    Another middleware, another profile or FASTDDS_BUILTIN_TRANSPORTS is the user's choice. The profile affects only the
    messages that this process publishes: a camera driver needs it in its own environment.
    """
    if os.environ.get("RMW_IMPLEMENTATION", "") not in _FAST_DDS or _user_chose():
        return None
    try:
        profile = find_resource(PROFILE)
    except FileNotFoundError:
        return None
    os.environ[profile_variable()] = str(profile)
    return profile


def missing_profile() -> str:
    """The transport profile that the environment names and that is not there; empty if all are.

    Fast DDS then takes its own defaults without a word, and images are lost.
    """
    for name in _PROFILE_VARIABLES:
        if (path := os.environ.get(name)) and not Path(path).is_file():
            return f"{name} names {path}, which does not exist: Fast DDS uses its defaults, and loses large images"
    return ""


def profile_variable() -> str:
    """The environment variable that this ROS 2 installation's Fast DDS takes its profile from."""
    try:
        before_kilted = int(version("rclpy").split(".")[0]) < _KILTED_RCLPY
    except PackageNotFoundError:
        before_kilted = False
    return _PROFILE_VARIABLES[before_kilted]


def _user_chose() -> bool:
    named = (*_PROFILE_VARIABLES, "FASTDDS_BUILTIN_TRANSPORTS")
    return any(os.environ.get(name) for name in named) or any(Path(name).is_file() for name in _LOCAL_PROFILES)
