"""Training examples are a pure function of the seed and their index."""

import numpy as np
import pytest
import torch

from training.data.batches import DegradedCrops
from training.data.classes import VOID
from training.data.crops import crop, relight
from training.data.sample import Sample


@pytest.fixture
def pool() -> list[Sample]:
    rng = np.random.default_rng(0)
    image = rng.integers(60, 200, (120, 160, 3)).astype(np.uint8)
    labels = np.repeat(np.arange(120, dtype=np.uint8)[:, None] // 11, 160, axis=1)
    return [Sample(image, labels, np.full((120, 160), 20, np.float32))]


@pytest.fixture
def crops(pool: list[Sample]) -> DegradedCrops:
    return DegradedCrops([pool], [1.0], (64, 80), seed=3)


def test_the_same_index_gives_the_same_example(crops: DegradedCrops) -> None:
    for first, second in zip(crops[7], crops[7], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(crops[7].clear_3HW, crops[8].clear_3HW)


def test_every_weather_occurs_and_only_clear_leaves_the_frame_alone(crops: DegradedCrops) -> None:
    examples = [crops[i] for i in range(40)]
    assert {int(e.weather) for e in examples} == {0, 1, 2, 3}
    for example in examples:
        assert torch.equal(example.degraded_3HW, example.clear_3HW) == (int(example.weather) == 0)
        assert example.clear_3HW.shape == (3, 64, 80) and example.labels_HW.shape == (64, 80)


def test_a_crop_invents_no_labels(pool: list[Sample]) -> None:
    rng = np.random.default_rng(1)
    labels = pool[0].labels_HW.copy()
    labels[:40] = VOID
    for _ in range(20):
        found = crop(pool[0]._replace(labels_HW=labels), (64, 80), rng).labels_HW
        assert set(np.unique(found)) <= set(np.unique(labels))


def test_relighting_keeps_labels_and_depth(pool: list[Sample]) -> None:
    relit = relight(pool[0], np.random.default_rng(2))
    assert relit.labels_HW is pool[0].labels_HW and relit.depth_HW is pool[0].depth_HW
    assert not np.array_equal(relit.image_HW3, pool[0].image_HW3)
