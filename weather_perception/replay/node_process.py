"""Starts the real restore_node in a separate process, reports its last words if it fails, and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from weather_perception.replay.frames import ReplayError
from weather_perception.transport import MALLOC_TUNABLES

STOP_SECONDS = 20.0


class NodeProcess:
    """A running restore_node; use it in a `with` block, which stops it."""

    def __init__(self, namespace: str, parameters: Mapping[str, str], domain_id: int, log: Path) -> None:
        """Start the node under `namespace` in the DDS domain `domain_id`; its output goes to `log`."""
        command = [sys.executable, "-m", "weather_perception.node", "--ros-args", "-r", f"__ns:={namespace}"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={value}"]
        self._log = log
        self._file = log.open("wb")
        environment = {"GLIBC_TUNABLES": MALLOC_TUNABLES, **os.environ, "ROS_DOMAIN_ID": str(domain_id)}
        # In a separate session Ctrl-C reaches replay alone, which then stops the node cleanly.
        self._process = subprocess.Popen(
            command, stdout=self._file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )

    def __enter__(self) -> "NodeProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._file.close()

    def check(self) -> None:
        """Raise ReplayError with the node's own last words if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise ReplayError(f"restore_node ended with exit code {code}; it said:\n{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        """The end of the node's output; only from its first error on, if it logged one."""
        said = self._log.read_text(errors="replace").splitlines()
        errors = [index for index, line in enumerate(said) if "[ERROR]" in line or "[FATAL]" in line]
        return "\n".join("  " + line for line in (said[errors[0] :] if errors else said)[-lines:]) or "  (nothing)"
