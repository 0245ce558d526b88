"""The second pass: joins frames, their ground truth and their answers by the frames' order, and scores them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.behaviour import CLEAR
from weather_perception.core.contract import Image, Manifest
from weather_perception.core.pipeline import UNKNOWN, Pipeline
from weather_perception.core.scores import confusion, psnr, ssim
from weather_perception.replay.columns import Columns
from weather_perception.replay.detector import Detector, DetectorScores
from weather_perception.replay.frames import VOID, Frame, Source, Truth, UnusedTruth
from weather_perception.replay.moments import Moment, Moments, Seen
from weather_perception.replay.no_reference import Measured, NoReference
from weather_perception.replay.output_bag import Answered, OutputReader
from weather_perception.replay.recording import Recording
from weather_perception.replay.scores import ImageScores, LabelNames, WeatherScores, added, ious, mean

MEASURE = "measure"
"""The first part of the names of the columns of measures without ground truth."""


@dataclass
class TruthLog:
    """The ground truth of a camera's frames: how much of it can be used, and why the rest cannot."""

    frames: Counter[str] = field(default_factory=Counter)
    unused: UnusedTruth = field(default_factory=UnusedTruth)
    weathers: list[str | None] = field(default_factory=list)

    def usable(self, frame: Frame) -> Truth:
        """The frame's truth without an image or labels of another size than the frame's."""
        truth = frame.truth
        self.weathers.append(truth.weather)
        clear = self._of_size("image", truth.image_HW3, frame)
        labels = self._of_size("labels", truth.labels_HW, frame)
        self.frames["weather"] += truth.weather is not None
        return Truth(clear, labels, truth.weather)

    def _of_size(self, kind: str, given: NDArray[np.uint8] | None, frame: Frame) -> NDArray[np.uint8] | None:
        if given is None:
            return None
        if frame.image_HW3 is None:
            self.unused.add("frame_undecodable", f"the frame of {frame.stamp_ns} ns, which has {kind}, is no image")
            return None
        size, wanted = given.shape[:2], frame.image_HW3.shape[:2]
        if size != wanted:
            sizes = f"{size[1]}x{size[0]}, the frame is {wanted[1]}x{wanted[0]}"
            self.unused.add(f"{kind}_wrong_size", f"{kind} of the frame of {frame.stamp_ns} ns: {sizes}")
            return None
        self.frames[kind] += 1
        return given


def bad_weathers(names: Iterable[str]) -> list[str]:
    """Those of the weathers that are known and not clear."""
    return [name for name in names if name.casefold() not in (CLEAR, UNKNOWN)]


@dataclass
class Evaluation:
    """A model's scores by weather, its figures of every frame, and the moments to show."""

    labels: LabelNames
    weathers: dict[str, WeatherScores] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    moments: list[Moment] = field(default_factory=list)
    dominant: Counter[str] = field(default_factory=Counter)
    detector: DetectorScores | None = None

    def degraded(self) -> list[WeatherScores]:
        """The scores to pool: of all weathers but clear if the weather is known, else of all frames."""
        return [self.weathers[name] for name in bad_weathers(self.weathers) or self.weathers]


class Evaluator:
    """Scores each frame against one model's answer; keeps only figures, and the pictures for the report."""

    def __init__(
        self,
        manifest: Manifest,
        recording: Recording,
        truth_names: tuple[str, ...] | None = None,
        baseline: Pipeline | None = None,
        detector: Detector | None = None,
    ) -> None:
        """`baseline` is a second model, whose masks are scored as the base; `truth_names` as in `LabelNames`.

        A class that only the baseline has counts as a mistake.
        """
        names = tuple(item.name for item in manifest.classes)
        self.result = Evaluation(LabelNames(names, truth_names))
        self._recording = recording
        self._names = names
        self._truth_ids = self.result.labels.lookup
        self._weathers = manifest.weathers if manifest.names_weather else ()
        self._palette = manifest.palette
        self._measures, self._moments = NoReference(), Moments()
        self.result.detector = DetectorScores(detector, truth_names or names) if detector is not None else None
        self._baseline = baseline
        if baseline is not None:
            base_names = tuple(item.name for item in baseline.manifest.classes)
            self._base_ids = LabelNames(names, base_names).lookup

    def score(self, place: int, frame: Frame, truth: Truth, answers: OutputReader) -> None:
        """Score the answer to the frame at `place`, if there is one; `answers` gives it next."""
        answer = self._recording.answers.get(place)
        pictures = answers.next(answer.stamp_ns) if answer is not None else None
        figures: dict[str, float | None] = {}
        if answer is not None:
            figures = {"latency_ms": 1000 * answer.latency_s}
            figures |= {f"weather.{name}": value for name, value in answer.weather.items()}
            figures |= {f"gate.{name}": value for name, value in answer.gates.items()}
            self.result.dominant[answer.dominant_weather] += 1
        if answer is not None and pictures is not None and frame.image_HW3 is not None:
            figures |= self._mask(pictures)
            if self.result.detector is not None:
                self.result.detector.look(place, frame.image_HW3, pictures.restored_HW3, truth.labels_HW)
            measured = self._measures.measure(
                frame.stamp_ns, frame.image_HW3, pictures.restored_HW3, pictures.labels_HW
            )
            figures |= _columns_of(measured)
            seen = Seen(place, frame.stamp_ns, frame.image_HW3, pictures, truth, answer.weather, answer.gates, measured)
            figures |= self._compare(seen)
            self._moments.offer(seen)
        self.result.columns.add(figures)

    def finish(self) -> None:
        """Choose the moments to show; their frames are then forgotten."""
        self.result.moments = self._moments.chosen(self._palette)
        self._moments = Moments()

    def _mask(self, pictures: Answered) -> dict[str, float | None]:
        shares = np.bincount(pictures.labels_HW.reshape(-1), minlength=len(self._names)) / pictures.labels_HW.size
        found: dict[str, float | None] = {f"share.{n}": float(s) for n, s in zip(self._names, shares, strict=False)}
        return found | {"confidence": float(pictures.confidence_HW.mean()) / 255}

    def _compare(self, seen: Seen) -> dict[str, float | None]:
        """Score an answer against its truth, which gets the model's classes and weathers; returns the figures."""
        truth = seen.truth
        weather = self._spelt(truth.weather)
        labels = None if truth.labels_HW is None else self._truth_ids[truth.labels_HW]
        seen.truth = Truth(truth.image_HW3, labels, weather)
        figures: dict[str, float | None] = {}
        if truth.empty:
            return figures
        scores = self.result.weathers.setdefault(weather or UNKNOWN, WeatherScores())
        scores.frames += 1
        if weather is not None and seen.dominant is not None:
            scores.add_weather(seen.dominant == weather)
        if truth.image_HW3 is not None:
            image_scores = _image_scores(seen.image_HW3, seen.answered.restored_HW3, truth.image_HW3)
            scores.images.append(image_scores)
            seen.psnr_db = (image_scores.psnr_input, image_scores.psnr_restored)
            figures |= vars(image_scores)
        if labels is not None:
            figures |= self._masks(scores, seen.image_HW3, seen.answered, labels)
        return figures

    def _spelt(self, weather: str | None) -> str | None:
        """The true weather as the model spells it, if the model knows it."""
        if weather is None:
            return None
        return next((name for name in self._weathers if name.casefold() == weather.casefold()), weather)

    def _masks(
        self, scores: WeatherScores, image_HW3: Image, pictures: Answered, truth_HW: NDArray[np.uint8]
    ) -> dict[str, float | None]:
        count = len(self._names)
        refined_CC = confusion(pictures.labels_HW, truth_HW, count, VOID)
        scores.refined_CC = added(scores.refined_CC, refined_CC)
        figures = {"miou_refined": mean(ious(refined_CC, self.result.labels))}
        if self._baseline is not None:
            base_HW = self._base_ids[self._baseline.process(image_HW3).labels_HW]
            base_CC = confusion(base_HW, truth_HW, count, VOID)
            scores.base_CC = added(scores.base_CC, base_CC)
            figures["miou_base"] = mean(ious(base_CC, self.result.labels))
        return figures


def evaluate(frames: Iterable[Frame], source: Source, runs: Sequence[tuple[Evaluator, OutputReader]]) -> TruthLog:
    """Score every frame of a camera for every model; `frames` are those of `source`, with truth."""
    log = TruthLog()
    for place, frame in enumerate(frames):
        truth = log.usable(frame)
        for evaluator, answers in runs:
            evaluator.score(place, frame, truth, answers)
    log.unused.add_all(source.truth_unused)
    for evaluator, _ in runs:
        evaluator.finish()
    return log


def _columns_of(measured: Measured) -> dict[str, float | None]:
    """Both sides of every measure as columns, `measure.NAME.input` and `measure.NAME.restored`."""
    found = {f"{MEASURE}.{name}.restored": pair.after for name, pair in measured.items()}
    return found | {f"{MEASURE}.{name}.input": pair.before for name, pair in measured.items()}


def _image_scores(input_HW3: Image, restored_HW3: Image, clear_HW3: Image) -> ImageScores:
    return ImageScores(
        psnr(input_HW3, clear_HW3),
        psnr(restored_HW3, clear_HW3),
        ssim(input_HW3, clear_HW3),
        ssim(restored_HW3, clear_HW3),
    )
