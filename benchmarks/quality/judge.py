"""Runs a model file over frames in one condition, and scores its answers beside those of simpler methods.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.baselines import apply_baselines
from benchmarks.quality.conditions import Condition
from benchmarks.quality.scores import Labels, Masks, street_ids
from training.data.sample import SKY_DEPTH, Sample
from weather_perception.core.behaviour import NOVELTY
from weather_perception.core.contract import Image
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.pipeline import Perception, Pipeline
from weather_perception.core.program import open_program
from weather_perception.core.scores import psnr, ssim

Mask = NDArray[np.bool_]

ALONE_DB = 40.0
"""PSNR against the input from which a frame counts as left alone."""


class Model:
    """A model file, run by the reference engine, with its masks in the street classes."""

    def __init__(self, path: str) -> None:
        program = open_program(path)
        self.sha256, self.manifest = program.sha256, program.manifest
        self._pipeline = Pipeline(TorchEngine(program))
        self._ids = street_ids(self.manifest.classes)

    def see(self, image_HW3: Image) -> Perception:
        """The model's answer to a frame; `labels_HW` are street classes."""
        perception = self._pipeline.process(image_HW3)
        return dataclasses.replace(perception, labels_HW=self._ids[perception.labels_HW])

    def masks_around(self, image_HW3: Image, restored_HW3: Image) -> tuple[Labels, Labels]:
        """The masks of a frame and of the restored one; a frame that was left as it is is seen once."""
        before_HW = self.see(image_HW3).labels_HW
        untouched = np.array_equal(restored_HW3, image_HW3)
        return before_HW, before_HW if untouched else self.see(restored_HW3).labels_HW

    def knows(self, weathers: frozenset[str]) -> bool:
        """Whether the model tells weathers apart, and all these are among them."""
        return self.manifest.names_weather and weathers <= set(self.manifest.weathers)


@dataclass(frozen=True)
class Picture:
    """One judged frame, how many dB it gained, and its PSNR."""

    degraded_HW3: Image
    restored_HW3: Image
    clear_HW3: Image
    gain_db: float
    psnr_out: float


@dataclass(frozen=True)
class Answer:
    """The scores of one frame against the clear one, or against the input if that is to be left alone.

    `street_gain_db`: PSNR won over the input on all pixels but the sky's, which fog hides entirely; None if all is sky.
    """

    psnr_in: float
    psnr_out: float
    ssim_in: float
    ssim_out: float
    psnr_baseline: float | None
    street_gain_db: float | None
    identical: bool
    largest_change: int
    weather: dict[str, float]
    novelty: float | None

    @property
    def gain_db(self) -> float:
        """PSNR won over the input."""
        return self.psnr_out - self.psnr_in

    @property
    def dominant_weather(self) -> str:
        """The most probable weather."""
        return max(self.weather, key=self.weather.__getitem__)


@dataclass
class Judged:
    """One condition's answers and masks; `pictures` are those of the frames with the least, middle and most gain."""

    condition: Condition
    answers: list[Answer] = field(default_factory=list)
    masks: dict[str, Masks] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)


def judge(
    condition: Condition, samples: Sequence[Sample], model: Model, base: Model | None, baselines: bool = True
) -> Judged:
    """Let `model` restore every sample in this condition; masks are compared with those of `base` if it is given."""
    judged = Judged(condition)
    seen: list[Picture] = []
    for index, sample in enumerate(samples):
        image_HW3 = condition.apply(sample, condition.seed(index))
        target_HW3 = image_HW3 if condition.alone else sample.image_HW3
        perception = model.see(image_HW3)
        classical = apply_baselines(condition.baselines, image_HW3) if baselines and condition.baselines else None
        answer = _answer(image_HW3, perception, target_HW3, classical, sample.depth_HW < SKY_DEPTH / 2)
        judged.answers.append(answer)
        _add_mask(judged, "refined", perception.labels_HW, sample)
        if base is not None:
            before_HW, after_HW = base.masks_around(image_HW3, perception.restored_HW3)
            _add_mask(judged, "degraded", before_HW, sample)
            _add_mask(judged, "restored", after_HW, sample)
        seen.append(Picture(image_HW3, perception.restored_HW3, target_HW3, answer.gain_db, answer.psnr_out))
    seen.sort(key=lambda picture: picture.psnr_out if condition.alone else picture.gain_db)
    judged.pictures = [seen[0], seen[len(seen) // 2], seen[-1]]
    return judged


def _answer(
    image_HW3: Image, perception: Perception, target_HW3: Image, classical_HW3: Image | None, street_HW: Mask
) -> Answer:
    restored_HW3 = perception.restored_HW3
    return Answer(
        psnr_in=psnr(image_HW3, target_HW3),
        psnr_out=psnr(restored_HW3, target_HW3),
        ssim_in=ssim(image_HW3, target_HW3),
        ssim_out=ssim(restored_HW3, target_HW3),
        psnr_baseline=None if classical_HW3 is None else psnr(classical_HW3, target_HW3),
        street_gain_db=_gain_on(street_HW, image_HW3, restored_HW3, target_HW3),
        identical=np.array_equal(restored_HW3, image_HW3),
        largest_change=int(np.abs(restored_HW3.astype(np.int16) - image_HW3).max()),
        weather=perception.weather,
        novelty=perception.gates.get(NOVELTY),
    )


def _gain_on(part_HW: Mask, before_HW3: Image, after_HW3: Image, target_HW3: Image) -> float | None:
    """PSNR won on a part of a frame, in dB; None if it has no pixel."""
    if not part_HW.any():
        return None
    target_1N3 = target_HW3[part_HW][None]
    return psnr(after_HW3[part_HW][None], target_1N3) - psnr(before_HW3[part_HW][None], target_1N3)


def _add_mask(judged: Judged, name: str, labels_HW: Labels, sample: Sample) -> None:
    judged.masks.setdefault(name, Masks()).add(labels_HW, sample.labels_HW)
