"""Settings of every test run: a DDS domain of its own, and property tests that a busy machine cannot fail."""

import atexit
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

# Neither a robot nor another run on this machine is heard. rclpy reads these when it starts, here and in the nodes that
# the tests start.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"

# The engines that a user has built for this machine stay out of it. Matplotlib's list of fonts may stay where it is.
os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib"))
_cache = tempfile.TemporaryDirectory(prefix="cache-")
atexit.register(_cache.cleanup)
os.environ["XDG_CACHE_HOME"] = _cache.name

settings.register_profile("busy_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy_machine")
