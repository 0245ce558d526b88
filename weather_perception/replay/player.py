"""Plays frames to the node at the recorded pace and accounts for every answer; one thread, driven by events."""

import queue
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from weather_perception.core.health import HealthReport
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.link import OUTPUTS, Link, Message, NodeState, read_routing
from weather_perception.replay.output_bag import RESTORED, ROUTING, OutputBag
from weather_perception.replay.pace import Pace
from weather_perception.replay.recording import Answer, Recording

# How often a wait checks that the node is alive.
CHECK_SECONDS = 0.2
PROBE_SECONDS = 2.0
# The first of them may have been sent before the last frame.
IDLE_REPORTS = 3
# No camera stamps a frame with this; the probe that opens the connection carries it.
PROBE_STAMP_NS = 1
PROBE_PLACE = -1


@dataclass
class Pending:
    """A frame without its complete answer: its place, its bag time, when it was published, the messages received."""

    place: int
    play_ns: int
    published: float
    restored_at: float | None = None
    messages: dict[str, bytes] = field(default_factory=dict)


class Player:
    """Sends frames and collects answers, into the topics of `node` in the bag. `check` raises if the node is gone."""

    def __init__(
        self,
        link: Link,
        bag: OutputBag,
        node: str,
        recording: Recording,
        timeout_s: float,
        check: Callable[[], None],
    ) -> None:
        """`timeout_s`: how long to wait for an answer, or for the node to finish."""
        self._link = link
        self._bag = bag
        self._node = node
        self._recording = recording
        self._timeout_s = timeout_s
        self._check = check
        self._pending: OrderedDict[int, Pending] = OrderedDict()
        self._stamps: set[int] = set()
        self._state: NodeState | None = None
        self._last_answer = 0.0

    def connect(self, first: Frame, patience_s: float) -> HealthReport:
        """Wait for the node, then probe with `first` until every output answers, so that no later frame is lost.

        The node may take `patience_s` to start. Returns its own counts before the first frame that counts.
        """
        if not self._until(lambda: self._state is not None, patience_s):
            raise ReplayError(
                f"waited {patience_s:g} s for {self._link.node_name} to report on /diagnostics; the nodes that are "
                f"there: {', '.join(self._link.nodes()) or 'none'}; name one with --node, or allow more time with "
                "--timeout"
            )
        assert self._state is not None and first.raw is not None
        self._link.advertise(self._state.input_topic)
        self._wait(self._link.connected, f"restore_node to listen to {self._state.input_topic}")
        deadline = time.perf_counter() + self._timeout_s
        while PROBE_PLACE not in self._recording.answers:
            if time.perf_counter() > deadline:
                raise ReplayError(
                    f"restore_node did not answer a first frame within {self._timeout_s:g} s; see its log"
                )
            probe = self._pending.setdefault(PROBE_STAMP_NS, Pending(PROBE_PLACE, 0, 0.0))
            probe.published = self._link.publish(first.raw, first.frame_id, (0, PROBE_STAMP_NS))
            self._until(lambda: PROBE_PLACE in self._recording.answers, PROBE_SECONDS)
        del self._recording.answers[PROBE_PLACE]
        return self.settled_health()

    def play(self, frames: Iterable[Frame], rate: float, max_in_flight: int) -> HealthReport:
        """Publish every frame when it is due, `rate` times as fast as recorded, then wait for the last answers.

        Nobody waits out a gap in the recording: see `Pace`.
        Returns the node's own counts after that.
        """
        start = time.perf_counter()
        pace = Pace()
        for place, frame in enumerate(frames):
            played_s = pace.to(frame.play_ns)
            self._wait_until(start + played_s / rate)
            if max_in_flight:
                self._await_room(max_in_flight)
            self._recording.played_s = played_s
            self._send(place, frame)
        health = self.settled_health()
        self._recording.wall_s = max(self._last_answer - start, 1e-9) if self._recording.answers else 0.0
        return health

    def settled_health(self) -> HealthReport:
        """The node's counts once several reports in a row show that it is idle."""
        reports: list[HealthReport] = []

        def settled() -> bool:
            state, self._state = self._state, None
            if state is not None:
                reports.append(state.health)
            last = reports[-IDLE_REPORTS:]
            idle = all(item.frames_answered + item.drops_total >= item.frames_received for item in last)
            return len(last) == IDLE_REPORTS and idle and len({item.frames_received for item in last}) == 1

        self._state = None
        self._wait(settled, "restore_node to finish its last frames")
        return reports[-1]

    def _send(self, place: int, frame: Frame) -> None:
        self._recording.sent += 1
        stamp = frame.stamp_ns
        if frame.raw is None:
            self._recording.dropped(frame.problem.reason if frame.problem else "undecodable", str(frame.problem), place)
        elif stamp in self._stamps:  # the node's answers name their frame by its stamp alone
            self._recording.dropped("repeated_stamp", f"a second frame is stamped {stamp} ns", place)
        else:
            self._stamps.add(stamp)
            if frame.problem:
                self._recording.drop_examples.setdefault(frame.problem.reason, str(frame.problem))
                self._recording.lost[place] = frame.problem.reason
            pending = Pending(place, frame.play_ns, time.perf_counter())
            if not frame.problem:
                self._pending[stamp] = pending
            pending.published = self._link.publish(frame.raw, frame.frame_id, frame.raw.stamp)

    def _await_room(self, max_in_flight: int) -> None:
        """Wait for answers until fewer than `max_in_flight` frames are out; one that times out no longer counts."""

        def room() -> bool:
            oldest = time.perf_counter() - self._timeout_s
            return sum(item.published > oldest for item in self._pending.values()) < max_in_flight

        while not self._until(room, self._timeout_s):
            pass

    def _wait_until(self, due: float) -> None:
        while (left := due - time.perf_counter()) > 0:
            self._take(left)

    def _wait(self, done: Callable[[], bool], what: str, seconds: float | None = None) -> None:
        seconds = seconds or self._timeout_s
        if not self._until(done, seconds):
            raise ReplayError(f"waited {seconds:g} s for {what}; allow more time with --timeout")

    def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Take events until `done`; False after `seconds`."""
        deadline = time.perf_counter() + seconds
        while not done():
            if time.perf_counter() > deadline:
                return False
            self._take(CHECK_SECONDS)
        return True

    def _take(self, seconds: float) -> None:
        """Handle the next event, if one comes within `seconds`."""
        try:
            event = self._link.events.get(timeout=min(seconds, CHECK_SECONDS))
        except queue.Empty:
            self._check()
            return
        if isinstance(event, NodeState):
            self._state = event
        else:
            self._receive(event)

    def _receive(self, message: Message) -> None:
        pending = self._pending.get(message.stamp_ns)
        if pending is None or message.output in pending.messages:
            return
        pending.messages[message.output] = message.data
        if message.output == RESTORED:
            pending.restored_at = message.arrival
        if len(pending.messages) == len(OUTPUTS):
            del self._pending[message.stamp_ns]
            self._complete(message.stamp_ns, pending)

    def _complete(self, stamp_ns: int, pending: Pending) -> None:
        assert pending.restored_at is not None, "all outputs are there, so the image is"
        reading = read_routing(pending.messages[ROUTING])
        latency_s = pending.restored_at - pending.published
        self._recording.answers[pending.place] = Answer(stamp_ns, latency_s, dict(reading.weather), dict(reading.gates))
        self._last_answer = time.perf_counter()
        if pending.place != PROBE_PLACE:
            for output in OUTPUTS:
                self._bag.write_cdr(output, pending.play_ns, pending.messages[output], self._node)
