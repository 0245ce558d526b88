"""The second pass: joins frames, their ground truth and their answers, and scores them one frame at a time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image, Manifest
from weather_perception.core.pipeline import Pipeline
from weather_perception.core.scores import confusion
from weather_perception.replay.frames import VOID, Frame, Truth
from weather_perception.replay.output_bag import Answered, OutputReader
from weather_perception.replay.pictures import Gallery, Picture
from weather_perception.replay.recording import Answer, Recording
from weather_perception.replay.scores import WeatherScores, added, label_lookup

UNKNOWN = "unknown"
CLEAR = "clear"
LISTED = 200


@dataclass
class Evaluation:
    """Scores by weather, the pictures to show, and the true weather's bands [(start_ns, end_ns, name)].

    `unanswered` holds the stamps (ns) of the first `LISTED` frames without an answer.
    """

    weathers: dict[str, WeatherScores] = field(default_factory=dict)
    gallery: Gallery = field(default_factory=Gallery)
    bands: list[tuple[int, int, str]] = field(default_factory=list)
    dominant: Counter[str] = field(default_factory=Counter)
    truth_skipped: int = 0
    unanswered: list[int] = field(default_factory=list)

    def degraded(self) -> tuple[dict[str, WeatherScores], str]:
        """The weathers to pool masks over, and their name.

        `degraded`, all but clear, if the weather is known; else `all`.
        """
        if set(self.weathers) - {UNKNOWN, CLEAR}:
            return {name: s for name, s in self.weathers.items() if name not in (CLEAR, UNKNOWN)}, "degraded"
        return self.weathers, "all"


class Evaluator:
    """Scores each frame against its answer; keeps only the pictures for the report."""

    def __init__(
        self,
        manifest: Manifest,
        recording: Recording,
        label_names: tuple[str, ...] | None = None,
        baseline: Pipeline | None = None,
    ) -> None:
        """`baseline` is a second model, whose masks are scored as the base; `label_names` as in `label_lookup`.

        A class that only the baseline has counts as a mistake.
        """
        self.result = Evaluation()
        self._recording = recording
        self._names = tuple(item.name for item in manifest.classes)
        self._truth_ids = label_lookup(label_names, self._names)
        self._names_weather = manifest.names_weather
        self._baseline = baseline
        if baseline is not None:
            self._base_ids = label_lookup(tuple(item.name for item in baseline.manifest.classes), self._names)

    def run(self, frames: Iterable[Frame], answers: OutputReader) -> Evaluation:
        """Score every answered frame."""
        stamps: list[tuple[int, str | None]] = []
        for frame in frames:
            stamps.append((frame.stamp_ns, frame.truth.weather))
            answer = self._recording.answers.get(frame.stamp_ns)
            pictures = answers.at(frame.stamp_ns) if answer is not None else None
            if answer is not None and pictures is not None and frame.image_HW3 is not None:
                self._score(frame, frame.image_HW3, answer, pictures)
            elif len(self.result.unanswered) < LISTED:
                self.result.unanswered.append(frame.stamp_ns)
        self.result.bands = _bands(stamps)
        return self.result

    def _score(self, frame: Frame, image_HW3: Image, answer: Answer, pictures: Answered) -> None:
        self.result.dominant[answer.dominant_weather] += 1
        truth = self._usable(frame.truth, image_HW3)
        group = truth.weather or UNKNOWN
        seen = answer.dominant_weather if self._names_weather else None
        picture = Picture(frame.stamp_ns, group, seen, image_HW3, pictures, truth)
        if not truth.empty:
            scores = self.result.weathers.setdefault(group, WeatherScores())
            scores.frames += 1
            if truth.weather is not None and self._names_weather:
                scores.add_weather(answer.dominant_weather == truth.weather)
            if truth.image_HW3 is not None:
                picture.psnr_db = scores.add_image(image_HW3, pictures.restored_HW3, truth.image_HW3)
            if truth.labels_HW is not None:
                self._score_labels(scores, image_HW3, pictures, truth.labels_HW)
        self.result.gallery.offer(picture)

    def _score_labels(
        self, scores: WeatherScores, image_HW3: Image, pictures: Answered, truth_HW: NDArray[np.uint8]
    ) -> None:
        count = len(self._names)
        scores.refined_CC = added(scores.refined_CC, confusion(pictures.labels_HW, truth_HW, count, VOID))
        if self._baseline is None:
            return
        base_HW = self._base_ids[self._baseline.process(image_HW3).labels_HW]
        scores.base_CC = added(scores.base_CC, confusion(base_HW, truth_HW, count, VOID))

    def _usable(self, truth: Truth, image_HW3: Image) -> Truth:
        """The truth with labels in the model's ids, without an image or labels of another size than the frame's."""
        size = image_HW3.shape[:2]
        clear = truth.image_HW3 if truth.image_HW3 is not None and truth.image_HW3.shape[:2] == size else None
        labels = truth.labels_HW if truth.labels_HW is not None and truth.labels_HW.shape == size else None
        skipped: tuple[tuple[Any, Any], ...] = ((clear, truth.image_HW3), (labels, truth.labels_HW))
        self.result.truth_skipped += any(kept is not given for kept, given in skipped)
        return Truth(clear, None if labels is None else self._truth_ids[labels], truth.weather)


def _bands(stamps: list[tuple[int, str | None]]) -> list[tuple[int, int, str]]:
    """Runs of the same true weather, each up to the start of the next."""
    changes = [item for before, item in pairwise([(0, None), *stamps]) if before[1] != item[1]]
    if stamps:
        changes.append((stamps[-1][0], None))
    return [(start, end, name) for (start, name), (end, _) in pairwise(changes) if name is not None]
