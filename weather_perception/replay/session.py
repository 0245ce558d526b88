"""One run of `replay`: records the answers of every model to every camera, scores them, and writes the results."""

import argparse
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weather_perception.core.contract import Manifest
from weather_perception.core.pipeline import Pipeline
from weather_perception.replay.answers import Answers, Earlier, begin_journal
from weather_perception.replay.bagfiles.bag import Bag
from weather_perception.replay.camera import CameraLog
from weather_perception.replay.direct import DirectRun, run_direct
from weather_perception.replay.frames import Frame, Source
from weather_perception.replay.interruption import Interruption
from weather_perception.replay.limits import judged
from weather_perception.replay.models import Choice, baseline_path, choices, names_of
from weather_perception.replay.options import DEFAULTS, check_inputs
from weather_perception.replay.output_bag import NODE, OutputBag, OutputReader
from weather_perception.replay.progress import progress
from weather_perception.replay.recording import BAG, JOURNAL, METRICS, NODE_LOG, REPORT, Recording
from weather_perception.replay.results import Place, results_folder
from weather_perception.replay.sources import Wanted, open_sources
from weather_perception.replay.window import Window

if TYPE_CHECKING:  # scoring loads PyTorch, which must not happen before the command line is read
    from weather_perception.replay.detector import Detector
    from weather_perception.replay.document import CameraResults


@dataclass
class Recorded:
    """A camera after the first pass; a recording, a manifest and the topics of the answers for each model."""

    source: Source
    log: CameraLog
    recordings: list[Recording]
    manifests: list[Manifest]
    nodes: list[str]


class Session:
    """A run as the command line describes it."""

    def __init__(self, arguments: argparse.Namespace, command: str, interruption: Interruption) -> None:
        """Open every recording and find every model; raises ReplayError or FileNotFoundError for what is missing."""
        self._arguments = arguments
        self._command = command
        self._interruption = interruption
        self._started = _now()
        self._sources, found = open_sources(arguments.recordings, wanted_of(arguments))
        print("\n".join(found), file=sys.stderr)
        check_inputs(arguments, self._sources)
        self._chosen = choices(arguments)
        self._names = names_of(self._chosen)
        self._nodes = nodes_of(self._sources, self._names)
        self._detector = _detector(arguments.detector)

    def run(self) -> dict[str, Any]:
        """Record the answers, score them and write the results; returns the contents of metrics.json."""
        given = self._arguments
        with results_folder(given.out, given.force, given.resume) as place:
            cameras = self._record(place)
            return self._write(place, cameras, self._score(place.work, cameras))

    def _record(self, place: Place) -> list[Recorded]:
        """First pass: play every camera's frames, directly or live, and write the bag of the answers."""
        pairs = list(zip(self._sources, self._nodes, strict=True))
        with OutputBag(place.work / BAG, list(itertools.chain(*self._nodes))) as bag:
            if self._arguments.live:
                return [self._live(*pair, bag, place.work) for pair in pairs]
            pipelines = [choice.open() for choice in self._chosen]
            for pipeline in pipelines:
                self._check_labels(pipeline.manifest)
            identity = self._identity(pipelines)
            earlier = Earlier(place.earlier, identity) if place.earlier else None
            with begin_journal(place.work, identity) as journal:
                answers = Answers(bag, journal, earlier)
                return [self._direct(*pair, pipelines, bag, answers) for pair in pairs]

    def _identity(self, pipelines: Sequence[Pipeline]) -> dict[str, Any]:
        """What has to be the same for a run to go on with the answers of an earlier one."""
        given = self._arguments
        return {
            "recordings": [source.name for source in self._sources],
            "models": [pipeline.engine.model_hash for pipeline in pipelines],
            "engines": [f"{choice.engine} {choice.precision} {choice.device}" for choice in self._chosen],
            "frames": f"start {given.start}, stride {given.stride}, {given.fps} frames/s",
        }

    def _direct(
        self, source: Source, nodes: list[str], pipelines: Sequence[Pipeline], bag: OutputBag, answers: Answers
    ) -> Recorded:
        runs = [DirectRun.of(pipeline, node) for pipeline, node in zip(pipelines, nodes, strict=True)]
        log = CameraLog()
        for pipeline, node in zip(pipelines, nodes, strict=True):
            bag.show(node, pipeline.manifest.palette)
        run_direct(log.reading(self._frames(source, "restoring", bag)), runs, answers)
        manifests = [pipeline.manifest for pipeline in pipelines]
        return Recorded(source, log, [run.recording for run in runs], manifests, nodes)

    def _live(self, source: Source, nodes: list[str], bag: OutputBag, work: Path) -> Recorded:
        from weather_perception.core.program import open_program
        from weather_perception.replay.live import LiveOptions, run_live

        given, choice = self._arguments, self._chosen[0]
        options = LiveOptions(
            str(choice.path), choice.engine, choice.device, given.rate, given.max_in_flight, given.timeout, given.node
        )
        program, log = open_program(choice.path), CameraLog()
        self._check_labels(program.manifest)
        if self._interruption.asked:  # while another camera was played
            nothing = Recording("live", choice.engine, program.manifest.name, program.sha256)
            return Recorded(source, log, [nothing], [program.manifest], nodes)
        bag.show(nodes[0], program.manifest.palette)
        frames = log.reading(self._frames(source, "live", bag))
        recording = run_live(frames, options, program.sha256, bag, nodes[0], work / NODE_LOG)
        return Recorded(source, log, [recording], [program.manifest], nodes)

    def _score(self, work: Path, cameras: Sequence[Recorded]) -> "list[CameraResults]":
        """Second pass: score every answer against the ground truth of its frame."""
        from weather_perception.replay.document import CameraResults
        from weather_perception.replay.evaluation import Evaluator, evaluate

        baseline, bag, results = self._baseline(), Bag(work / BAG), []
        for camera in cameras:
            truth_names = self._arguments.label_names or camera.source.label_names
            evaluators = [
                Evaluator(manifest, recording, truth_names, baseline, self._detector)
                for manifest, recording in zip(camera.manifests, camera.recordings, strict=True)
            ]
            readers = [OutputReader(bag, node) for node in camera.nodes]
            frames = self._scored(camera)
            truth = evaluate(frames, camera.source, list(zip(evaluators, readers, strict=True)))
            evaluations = [evaluator.result for evaluator in evaluators]
            limited = self._interruption.asked or camera.log.read == self._arguments.limit or camera.source.limited
            results.append(
                CameraResults(
                    camera.source, camera.log, camera.recordings, camera.manifests, truth, evaluations, limited
                )
            )
        return results

    def _write(self, place: Place, cameras: Sequence[Recorded], results: "Sequence[CameraResults]") -> dict[str, Any]:
        """Write metrics.json and the report."""
        from weather_perception.replay.document import Model, document
        from weather_perception.replay.machine import machine, package_version
        from weather_perception.replay.report import write_report

        models = [
            Model(name, str(choice.path), choice.device, manifest)
            for name, choice, manifest in zip(self._names, self._chosen, cameras[0].manifests, strict=True)
        ]
        replay = {
            "version": package_version(),
            "command": self._command,
            "started_utc": self._started,
            "finished_utc": _now(),
            "mode": cameras[0].recordings[0].mode,
            "complete": not self._interruption.asked,
            "resumed": place.earlier is not None,
        }
        found = document(replay, machine({choice.device for choice in self._chosen}), models, results)
        found["limits"] = judged(self._arguments.fail_under, found)
        write_report(place.work / REPORT, found, results)
        (place.work / METRICS).write_text(json.dumps(found) + "\n", encoding="utf-8")
        if not self._interruption.asked:
            (place.work / JOURNAL).unlink(missing_ok=True)
        return found

    def _check_labels(self, manifest: Manifest) -> None:
        """Raise ReplayError if --label-names has a class that the model lacks."""
        from weather_perception.replay.scores import LabelNames

        LabelNames(tuple(item.name for item in manifest.classes), self._arguments.label_names).check()

    def _baseline(self) -> Pipeline | None:
        """The model whose masks are the base, if any camera has labels to compare them with."""
        if not any(source.has_labels for source in self._sources):
            return None
        path = baseline_path(self._arguments.baseline, self._chosen[0].path)
        first = self._chosen[0]
        return Choice(path, first.engine, first.precision, first.device).open() if path else None

    def _frames(self, source: Source, what: str, bag: OutputBag) -> Iterator[Frame]:
        """The frames up to --limit or Ctrl-C; says how far it is if they take a while."""
        limit = self._arguments.limit
        frames: Iterator[Frame] = itertools.islice(source.frames(), limit)
        if self._arguments.keep_original:
            frames = bag.keeping(frames, source.topic or f"/{_word(Path(source.recording).stem)}/image")
        return progress(self._interruption.until(frames), what, min(source.count, limit or source.count))

    def _scored(self, camera: Recorded) -> Iterable[Frame]:
        """The frames of the first pass again, with their ground truth."""
        frames = camera.source.frames(with_truth=True)
        whole = camera.log.read != self._arguments.limit and not self._interruption.asked
        return progress(frames if whole else itertools.islice(frames, camera.log.read), "scoring", camera.log.read)


def wanted_of(arguments: argparse.Namespace) -> Wanted:
    """What to read of the recordings, by the command line."""
    window = Window(arguments.start, arguments.duration, arguments.stride)
    return Wanted(
        tuple(arguments.topic), arguments.fps or DEFAULTS["fps"], arguments.labels, arguments.label_names, window
    )


def nodes_of(sources: Sequence[Source], names: Sequence[str]) -> list[list[str]]:
    """The node names of each camera's answers in the output bag, one for each model.

    With one camera and one model it is the node's own, `/restore_node`.
    """
    cameras = [_word(_camera_name(source.topic or Path(source.recording).stem)) for source in sources]
    cameras = [f"{name}_{index + 1}" if cameras.count(name) > 1 else name for index, name in enumerate(cameras)]
    before = [f"/{camera}" if len(sources) > 1 else "" for camera in cameras]
    after = [f"/{_word(name)}" if index else "" for index, name in enumerate(names)]
    return [[f"{camera}{NODE}{model}" for model in after] for camera in before]


def _camera_name(topic: str) -> str:
    """As in `front` for /front/image_raw/compressed: the topic without the parts that every camera's has."""
    return re.sub(r"(?<=[^/])(/(image(_raw|_color|_rect|_rect_color)?|compressed))+$", "", topic.strip("/"))


def _word(text: str) -> str:
    """The text as a part of a ROS name: letters, digits and underscores, no digit first."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "camera"
    return f"_{word}" if word[0].isdigit() else word


def _detector(name: str | None) -> "Detector | None":
    """The user's own model, made before the work, so that a fault in it costs no run."""
    if name is None:
        return None
    from weather_perception.replay.detector import Detector

    return Detector(name)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
