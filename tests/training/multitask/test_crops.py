"""Tasks take turns: every step has the same number of examples of each, and all runs have the same examples."""

import numpy as np
import pytest
import torch

from training.data.balanced_crops import TaskTurns, balanced_crops
from training.data.sample import Sample


@pytest.fixture
def crops() -> TaskTurns:
    rng = np.random.default_rng(0)
    image = rng.integers(60, 200, (120, 160, 3)).astype(np.uint8)
    frame = Sample(image, np.zeros((120, 160), np.uint8), np.full((120, 160), 20, np.float32))
    return balanced_crops(("fog", "rain", "snow"), [[frame]], [1.0], (64, 80), seed=3)


def test_every_step_has_one_example_of_each_task(crops: TaskTurns) -> None:
    assert [int(crops[index].weather) for index in range(9)] == [0, 1, 2] * 3
    for index in range(6):
        assert not torch.equal(crops[index].degraded_3HW, crops[index].clear_3HW)


def test_the_same_index_gives_the_same_example_and_no_two_tasks_share_a_crop(crops: TaskTurns) -> None:
    for first, second in zip(crops[4], crops[4], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(crops[3].clear_3HW, crops[4].clear_3HW)
    assert not torch.equal(crops[1].clear_3HW, crops[4].clear_3HW)


def test_an_empty_list_of_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="no tasks"):
        balanced_crops((), [[]], [1.0], (64, 80), seed=0)
