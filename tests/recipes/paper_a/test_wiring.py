"""Every term of every phase of paper A, once through the trainer, against the equations worked out here in NumPy.

Each network is a short formula, so that a term tells which image, which map and which labels went into it.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.support.stub_device import second_device
from training.data.batches import Example
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.trainer import Trainer
from training.recipes.paper_a.config import EGSynLossConfig, PaperARun, SGAdaLossConfig, paper_a_smoke
from training.recipes.paper_a.objective import D1, D2, EGSYN, SEGMENTER, SGADA, stages

Values = NDArray[np.float64]

VOID, CLASSES = 255, 3
SMOKE = paper_a_smoke()
CONFIG = replace(
    SMOKE,
    model=replace(SMOKE.model, classes=CLASSES),
    sgada_loss=SGAdaLossConfig(cross_entropy=7.0),
    egsyn_loss=EGSynLossConfig(2.0, 0.3, 5.0, 70.0, 11.0, vgg19_weights="a file"),
    sgada_steps=1,
    egsyn_steps=1,
    steps=1,
    learning_rate=0.0,
)


class Formula(nn.Module):
    """A network with one weight of 1, which multiplies the formula of its inputs."""

    def __init__(self, formula: object) -> None:
        super().__init__()
        self.formula = formula
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, *inputs: Tensor) -> Tensor:
        found: Tensor = self.formula(*inputs)  # type: ignore[operator]
        return self.one * found


def segment(image: Tensor) -> Tensor:
    return 4 * image


def refine(original: Tensor, image: Tensor) -> Tensor:
    return 3 * original + image.flip(1)


def restore(image: Tensor, mask: Tensor) -> Tensor:
    return 0.5 * image + 0.3 * mask


def judge_mask(mask: Tensor, image: Tensor) -> Tensor:
    return mask[:, 0] + 2 * mask[:, 1] - mask[:, 2] + image[:, 0] - 0.3


def judge_image(image: Tensor) -> Tensor:
    return image[:, 0] - 0.6 * image[:, 2]


def extract(image: Tensor) -> list[Tensor]:
    return [image - 0.4, 2 * image[:, :2, ::2, ::2]]


def example() -> Example:
    chance = torch.Generator().manual_seed(3)
    clear = torch.randint(256, (2, 3, 8, 12), generator=chance).byte()
    labels = torch.randint(CLASSES, (2, 8, 12), generator=chance).byte()
    labels[:, :2] = VOID
    return Example(clear // 3, clear, labels, torch.tensor([1, 2]))


def build(config: PaperARun) -> Trainer:
    formulas = {SEGMENTER: segment, SGADA: refine, EGSYN: restore, D1: judge_mask, D2: judge_image}
    networks = {name: Formula(formula) for name, formula in formulas.items()}
    return Trainer(processes.launch(), networks, stages(config, extract), config.loop(), Record("tiny", {}, "", ""))


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    """The scalars of the one step of each stage."""
    trainer = build(CONFIG)
    return {stage.name: trainer.train_step([example()]) for stage in trainer.stages}


class ByHand:
    """The equations of the paper (section 3) for `example` and the formulas above."""

    def __init__(self) -> None:
        batch = example()
        self.degraded, self.clear = (x.double().numpy() / 255 for x in (batch.degraded_3HW, batch.clear_3HW))
        self.labels = batch.labels_HW.numpy().astype(int)
        self.known = self.labels != VOID
        self.original = softmax(4 * self.degraded)
        self.refined = softmax(3 * self.original + self.degraded[:, ::-1])
        self.truth = self.with_void_undecided(np.moveaxis(np.eye(CLASSES)[np.where(self.known, self.labels, 0)], -1, 1))

    def with_void_undecided(self, mask: Values) -> Values:
        return np.where(self.known[:, None], mask, 1 / CLASSES)

    def d1(self, mask: Values) -> Values:
        return mask[:, 0] + 2 * mask[:, 1] - mask[:, 2] + self.degraded[:, 0] - 0.3

    def segmentation_discriminator(self) -> dict[str, float]:
        real, fake = self.d1(self.truth), self.d1(self.with_void_undecided(self.refined))
        return {"adversarial": (np.mean((real - 1) ** 2) + np.mean(fake**2)) / 2}

    def image_discriminator(self, guide: Values) -> dict[str, float]:
        real, fake = d2(self.clear), d2(self.restored(guide))
        return {"adversarial": (np.mean((real - 1) ** 2) + np.mean(fake**2)) / 2}

    def refinement(self) -> dict[str, float]:
        fake = self.d1(self.with_void_undecided(self.refined))
        of_label = np.take_along_axis(self.refined, np.where(self.known, self.labels, 0)[:, None], 1)[:, 0]
        return {
            "adversarial": np.mean((fake - 1) ** 2) / 2,
            "cross_entropy": -7 * np.log(of_label[self.known]).mean(),
        }

    def restoration(self, guide: Values) -> dict[str, float]:
        image = self.restored(guide)
        ours, true = ([x - 0.4, 2 * x[:, :2, ::2, ::2]] for x in (image, self.clear))
        variation = np.abs(np.diff(image, axis=3)).mean() + np.abs(np.diff(image, axis=2)).mean()
        return {
            "l1": 2 * np.abs(image - self.clear).mean(),
            "adversarial": 0.3 * np.mean((d2(image) - 1) ** 2) / 2,
            "total_variation": 11 * variation,
            "perceptual": 5 * np.mean([np.abs(a - b).mean() for a, b in zip(ours, true, strict=True)]),
            "style": 70 * np.mean([np.abs(gram(a) - gram(b)).mean() for a, b in zip(ours, true, strict=True)]),
        }

    def restored(self, guide: Values) -> Values:
        return 0.5 * self.degraded + 0.3 * guide

    def accuracy(self) -> dict[str, float]:
        maps = {"original": self.original, "refined": self.refined}
        return {f"{name}_accuracy": (x.argmax(1) == self.labels)[self.known].mean() for name, x in maps.items()}

    def gain(self, guide: Values) -> dict[str, float]:
        errors = [((np.clip(x, 0, 1) - self.clear) ** 2).mean((1, 2, 3)) for x in (self.degraded, self.restored(guide))]
        return {"gain_dB": (10 * np.log10(errors[0] / errors[1])).mean()}


def d2(image: Values) -> Values:
    return image[:, 0] - 0.6 * image[:, 2]


def softmax(logits: Values) -> Values:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def gram(features: Values) -> Values:
    count = features[0].size
    return np.asarray(np.einsum("bchw,bdhw->bcd", features, features) / count)


def assert_phases(found: dict[str, float], expected: dict[str, tuple[dict[str, float], dict[str, float]]]) -> None:
    """The scalars of a step are, phase by phase, the terms and scores given, and each phase's total."""
    scalars = {}
    for phase, (terms, scores) in expected.items():
        whole = {**terms, **scores, "total": sum(terms.values())}
        scalars |= {f"{phase}/{name}": value for name, value in whole.items()}
    assert found == pytest.approx(scalars, rel=1e-4)


def test_stage_1_shows_d1_the_truth_as_real_and_asks_g1_for_the_labels(found: dict[str, dict[str, float]]) -> None:
    hand = ByHand()
    expected = {D1: (hand.segmentation_discriminator(), {}), "g1": (hand.refinement(), hand.accuracy())}
    assert_phases(found["sgada"], expected)


def test_stage_2_restores_towards_the_clear_frame_on_the_true_map(found: dict[str, dict[str, float]]) -> None:
    hand = ByHand()
    restoration = hand.restoration(hand.truth), hand.gain(hand.truth)
    assert_phases(found["egsyn"], {D2: (hand.image_discriminator(hand.truth), {}), "g2": restoration})


def test_stage_3_does_both_on_the_refined_map(found: dict[str, dict[str, float]]) -> None:
    hand = ByHand()
    terms = {f"sgada_{name}": value for name, value in hand.refinement().items()}
    terms |= {f"egsyn_{name}": value for name, value in hand.restoration(hand.refined).items()}
    expected: dict[str, tuple[dict[str, float], dict[str, float]]] = {
        D1: (hand.segmentation_discriminator(), {}),
        D2: (hand.image_discriminator(hand.refined), {}),
        "g1_g2": (terms, hand.accuracy() | hand.gain(hand.refined)),
    }
    assert_phases(found["joint"], expected)


def test_on_another_device_every_term_is_the_same(found: dict[str, dict[str, float]]) -> None:
    with second_device():
        trainer = build(CONFIG)
        assert {stage.name: trainer.train_step([example()]) for stage in trainer.stages} == {
            name: pytest.approx(scalars) for name, scalars in found.items()
        }
