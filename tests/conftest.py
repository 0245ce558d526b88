"""Settings of every test run: a DDS domain of its own, and property tests that a busy machine cannot fail."""

import atexit
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread for PyTorch: a second gains tiny networks nothing, and on a busy machine costs ten times as much."""
    import torch  # slow to import, and most tests of the package's edges do without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a tiny model."""
    from tests.support.tiny import write_tiny

    return write_tiny(tmp_path_factory.mktemp("model") / "tiny.pt2").path
