"""Training examples are a pure function of the seed and their index, by shares of degradations or tasks in turn."""

import numpy as np
import pytest
import torch

from training.data.balanced_crops import TaskTurns, balanced_crops
from training.data.batches import DegradedCrops
from training.data.classes import VOID
from training.data.crops import crop, relight
from training.data.sample import Sample


@pytest.fixture
def crops(pool: list[Sample]) -> DegradedCrops:
    return DegradedCrops([pool], [1.0], (64, 80), seed=3)


@pytest.fixture
def turns(pool: list[Sample]) -> TaskTurns:
    return balanced_crops(("fog", "rain", "snow"), [pool], [1.0], (64, 80), seed=3)


@pytest.mark.parametrize("kind", ["crops", "turns"])
def test_an_index_gives_one_example_and_no_two_share_a_crop(kind: str, request: pytest.FixtureRequest) -> None:
    examples = request.getfixturevalue(kind)
    assert all(map(torch.equal, examples[4], examples[4]))
    for other in (1, 3, 5):
        assert not torch.equal(examples[other].clear_3HW, examples[4].clear_3HW)


def test_tasks_in_turn_give_every_step_one_example_of_each(turns: TaskTurns) -> None:
    assert [int(turns[index].weather) for index in range(9)] == [0, 1, 2] * 3
    for index in range(6):
        assert not torch.equal(turns[index].degraded_3HW, turns[index].clear_3HW)


def test_an_empty_list_of_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="no tasks"):
        balanced_crops((), [[]], [1.0], (64, 80), seed=0)


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
