"""Keeps the answers of a run: in the output bag, and in a journal from which an interrupted run can go on."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from weather_perception.core.pipeline import Perception, Pipeline
from weather_perception.replay.bagfiles.bag import Bag
from weather_perception.replay.bagfiles.base import BagFileError
from weather_perception.replay.frames import Frame, ReplayError
from weather_perception.replay.output_bag import OUTPUT_TYPES, OutputBag, cdr_stamp_ns
from weather_perception.replay.recording import BAG, JOURNAL, Answer

VERSION = 2

Messages = dict[str, bytes]
"""The CDR bytes of an answer by output, as in `image_restored`."""


class Answers:
    """Writes answers into the bag and the journal under `work`, and takes over those of an earlier run."""

    def __init__(self, bag: OutputBag, journal: TextIO, earlier: "Earlier | None" = None) -> None:
        self._bag = bag
        self._journal = journal
        self._earlier = earlier

    def taken_over(self, node: str, place: int, frame: Frame, engine: str) -> Answer | None:
        """The earlier run's answer to a frame, if there is one; it is written again.

        Raises ReplayError if it is not of `engine`, which answers such frames now.
        """
        found = self._earlier.take(node, place, frame.stamp_ns, engine) if self._earlier is not None else None
        if found is None:
            return None
        answer, messages = found
        for output, data in messages.items():
            self._bag.write_cdr(output, frame.play_ns, data, node)
        self._note(node, place, answer, engine)
        return answer

    def keep(self, node: str, place: int, frame: Frame, perception: Perception, pipeline: Pipeline) -> Answer:
        """Write the answer that a pipeline has just given to a frame."""
        self._bag.write(frame, perception, pipeline.manifest.name, node)
        answer = Answer(frame.stamp_ns, perception.inference_seconds, perception.weather, perception.gates)
        self._note(node, place, answer, pipeline.engine.name)
        return answer

    def _note(self, node: str, place: int, answer: Answer, engine: str) -> None:
        row = {"node": node, "place": place, "stamp_ns": answer.stamp_ns, "latency_s": answer.latency_s}
        row["engine"] = engine
        self._journal.write(json.dumps(row | {"weather": answer.weather, "gates": answer.gates}) + "\n")
        self._journal.flush()


def begin_journal(work: Path, identity: Mapping[str, Any]) -> TextIO:
    """A new journal under `work`; `identity` says which run it is of."""
    head = json.dumps({"journal": VERSION, **identity})
    file = (work / JOURNAL).open("w", encoding="utf-8")
    file.write(head + "\n")
    file.flush()
    return file


class Earlier:
    """The answers of an earlier run, given out one after the other in the order in which they were made."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """`folder` has the bag and the journal. Raises ReplayError if it is of another run than `identity`."""
        self._folder = folder
        self._rows = _rows(folder / JOURNAL)
        _check(next(self._rows, {}), identity, folder)
        self._row = next(self._rows, None)
        try:
            self._bag: Bag | None = Bag(folder / BAG)
        except (BagFileError, OSError):  # it ended before a message was on the disk
            self._bag = None
        self._streams: dict[str, Iterator[Messages]] = {}

    def take(self, node: str, place: int, stamp_ns: int, engine: str) -> tuple[Answer, Messages] | None:
        """The answer of `node` to the frame at `place`, with its messages; None from the first gap on.

        Raises ReplayError if another engine than `engine` gave it: one figure must not mix the answers of two.
        """
        row = self._row
        if row is None or self._bag is None or (row["node"], row["place"]) != (node, place):
            return None
        if row["engine"] != engine:
            raise ReplayError(
                f"--resume: {row['engine']} answered the frames of the run in {self._folder}, and {engine} answers "
                f"them now; go on where {row['engine']} does, or start over with --force"
            )
        self._row = next(self._rows, None)
        messages = next(self._streams.setdefault(node, _answers(self._bag, node)), None)
        if messages is None or any(cdr_stamp_ns(data) != stamp_ns for data in messages.values()):
            self._row = None  # the bag was cut here
            return None
        return Answer(stamp_ns, row["latency_s"], row["weather"], row["gates"]), messages


def answered_in(folder: Path) -> int:
    """The number of answers in a folder's journal."""
    return max(sum(1 for _ in _rows(folder / JOURNAL)) - 1, 0)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The journal's rows up to where it was cut."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return


def _check(found: Mapping[str, Any], identity: Mapping[str, Any], folder: Path) -> None:
    """Raise ReplayError that names what differs between the run in `folder` and this one."""
    for key, value in {"journal": VERSION, **identity}.items():
        if found.get(key) != value:
            raise ReplayError(
                f"--resume: the run in {folder} has {key} {found.get(key)!r}, this one {value!r}; "
                "give the same command line, or start over with --force"
            )


def _answers(bag: Bag, node: str) -> Iterator[Messages]:
    """The answers of a node, all outputs of each."""
    waiting: dict[str, deque[bytes]] = {f"{node}/{output}": deque() for output in OUTPUT_TYPES}
    for record in bag.records(waiting):
        waiting[record.channel.topic].append(record.data)
        if all(waiting.values()):
            yield {topic.rpartition("/")[2]: queue.popleft() for topic, queue in waiting.items()}
