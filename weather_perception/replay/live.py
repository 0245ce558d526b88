"""Live mode: plays the frames over DDS to the real node, in its own process, and records the answers."""

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from weather_perception.core.engines.find import build_command
from weather_perception.core.engines.subprocesses import end_with_parent
from weather_perception.core.health import HealthReport
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.output_bag import NODE, OutputBag
from weather_perception.replay.recording import Recording
from weather_perception.transport import MALLOC_TUNABLES

if TYPE_CHECKING:  # needs ROS
    from weather_perception.replay.link import Link

LOST = "lost_in_transport"
INCOMPLETE = "incomplete_answer"
EXPLANATIONS = {
    LOST: "published, but the node never received it: a newer frame took its place in the node's queue of one, "
    "or the transport lost it",
    INCOMPLETE: "the node answered, but not all of its outputs arrived",
}
ANSWER_SECONDS = 30.0
START_SECONDS = 120.0
DIAGNOSTICS_SECONDS = 0.25  # several reports in a row show that the node is done, so they are frequent
DOMAINS = range(1, 102)  # the ids whose ports are free on every operating system


@dataclass(frozen=True)
class LiveOptions:
    """The node's settings, and how to play the frames (see `replay --help`)."""

    model: str
    engine: str
    device: str
    rate: float
    max_in_flight: int
    timeout_s: float | None
    node: str | None

    @property
    def answer_s(self) -> float:
        """Seconds to wait for an answer."""
        return ANSWER_SECONDS if self.timeout_s is None else self.timeout_s

    @property
    def start_s(self) -> float:
        """Seconds to wait for the node; one that is started here has to load PyTorch and the model."""
        if self.timeout_s is not None:
            return self.timeout_s
        return START_SECONDS if self.node is None else ANSWER_SECONDS


def run_live(
    frames: Iterable[Frame], options: LiveOptions, model_sha256: str, bag: OutputBag, node: str, log: Path
) -> Recording:
    """Play `frames` and write the answers into the topics of `node` in the output bag; the node's own log into `log`.

    Raises ReplayError if ROS 2 is missing, the node fails (with its own message), or it runs another model than
    `model_sha256`.
    """
    with ExitStack() as stack:
        stack.enter_context(_restored_environment())
        print(f"waiting for {options.node or 'restore_node, which starts in its own process'}", file=sys.stderr)
        link, check = _open(options, log, stack)
        from weather_perception.replay.player import Player

        frames = iter(frames)
        leading, first = _first_good(frames)
        recording = Recording("live", "", "", "")
        player = Player(link, bag, node, recording, options.answer_s, check)
        before = player.connect(first, options.start_s)
        _identify(recording, before, model_sha256, options, first)
        after = player.play(itertools.chain(leading, frames), options.rate, options.max_in_flight)
        account(recording, before, after)
        return recording


def _open(options: LiveOptions, log: Path, stack: ExitStack) -> "tuple[Link, Callable[[], None]]":
    """The link to the node, and a check that it lives; starts the node unless one is named."""
    from weather_perception import transport

    if options.node is None:
        _stay_on_this_machine()
    transport.apply_defaults()
    try:
        from weather_perception.replay.link import Link
    except ImportError as error:
        raise ReplayError(
            f"--live needs ROS 2's Python packages ({error}): source a ROS 2 installation; see docs/install.md"
        ) from error
    if options.node is not None:
        return stack.enter_context(Link("/" + options.node.lstrip("/"), None)), lambda: None
    namespace, domain = f"/replay_{os.getpid()}", random.SystemRandom().choice(DOMAINS)
    parameters = {"model": str(Path(options.model).resolve()), "engine": options.engine, "device": options.device}
    parameters["diagnostics_period"] = str(DIAGNOSTICS_SECONDS)
    # One engine from the first frame to the last, and the processor left to it.
    parameters |= {"build": "false", "meanwhile": "wait"}
    process = stack.enter_context(NodeProcess(namespace, parameters, domain, log))
    return stack.enter_context(Link(namespace + NODE, domain)), process.check


@contextmanager
def _restored_environment() -> Iterator[None]:
    """Undo changes to the environment's variables, which ROS reads when it starts."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _stay_on_this_machine() -> None:
    """Keep the replay's discovery from reaching robots on the network."""
    if os.environ.get("ROS_DISTRO") == "humble":
        os.environ["ROS_LOCALHOST_ONLY"] = "1"
    else:
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def _first_good(frames: Iterator[Frame]) -> tuple[list[Frame], Frame]:
    """The frames up to the first that can be decoded, and that one, which opens the connection."""
    leading: list[Frame] = []
    for frame in frames:
        leading.append(frame)
        if frame.problem is None:
            return leading, frame
    raise ReplayError("no frame can be decoded" if leading else "there are no frames to replay")


def _identify(
    recording: Recording, health: HealthReport, model_sha256: str, options: LiveOptions, first: Frame
) -> None:
    """Take the model and engine from the node's own report; refuse a node that runs others than requested."""
    if health.model_hash != model_sha256:
        raise ReplayError(
            f"the running node uses the model {health.model_name} ({health.model_hash[:12]}), not {options.model} "
            f"({model_sha256[:12]}); give the node's model file with --model"
        )
    if options.node is None and options.engine not in ("auto", health.engine):
        assert first.raw is not None
        raise ReplayError(
            f"restore_node runs {health.engine}, not {options.engine}; a live run builds nothing, so build it first: "
            + build_command(
                options.model, options.engine, options.device, size=f"{first.raw.height}hx{first.raw.width}w"
            )
        )
    recording.engine, recording.model_name, recording.model_sha256 = health.engine, health.model_name, health.model_hash


def account(recording: Recording, before: HealthReport, after: HealthReport) -> None:
    """Explain every frame without an answer: by the node's own drop counts, and the rest as lost in transport."""
    for reason, count in after.drops.items():
        if count > before.drops.get(reason, 0):
            recording.drops[reason] += count - before.drops.get(reason, 0)
    reason, _, example = after.last_drop.partition(": ")
    recording.drop_examples.setdefault(reason, example)
    missing = recording.sent - len(recording.answers) - sum(recording.drops.values())
    answered = after.frames_answered - before.frames_answered
    incomplete = min(missing, max(answered - len(recording.answers), 0))
    for reason, count in ((INCOMPLETE, incomplete), (LOST, missing - incomplete)):
        if count > 0:
            recording.drops[reason] = count
            recording.drop_examples[reason] = EXPLANATIONS[reason]


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
            command,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, os.getpid()),
        )

    def __enter__(self) -> "NodeProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._file.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

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
