"""A build in a process of its own ends with the process that wanted it, however that ends."""

import os
import select
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BUILD = """
import os, signal
from weather_perception.core.engines.subprocesses import end_with_starter
end_with_starter()
print(os.getpid(), flush=True)
signal.pause()
"""
NODE = """
from weather_perception.core.engines.subprocesses import Subprocess
Subprocess().run("endless_build", [], lambda line: print(line, flush=True))
"""


def test_a_build_ends_with_a_node_that_is_killed(tmp_path: Path) -> None:
    """By SIGKILL, as when memory runs out: the node can then stop nothing."""
    (tmp_path / "endless_build.py").write_text(BUILD)
    paths = os.pathsep.join((str(ROOT), str(tmp_path)))
    node = subprocess.Popen(
        [sys.executable, "-c", NODE], env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True
    )
    assert node.stdout
    build = os.pidfd_open(int(node.stdout.readline()))
    try:
        node.kill()
        node.wait()
        ended, _, _ = select.select([build], [], [], 60)
        assert ended == [build], "the build goes on"
    finally:
        os.close(build)
        node.stdout.close()
