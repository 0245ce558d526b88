"""Training examples are a pure function of the seed and their index, by shares of degradations or tasks in turn."""

import numpy as np
import pytest
import torch

from training.data.balanced_crops import TaskTurns, balanced_crops
from training.data.batches import DegradedCrops
from training.data.classes import VOID
from training.data.crops import crop, relight
from training.data.degradations import LEVELS
from training.data.mixture import SEVERITIES, Mixture
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


def test_shares_are_kept_and_severities_fit_the_degradation() -> None:
    rng = np.random.default_rng(0)
    mixture = Mixture({"jpeg": 3.0, "fog": 1.0})
    drawn = [mixture.draw(rng) for _ in range(2000)]
    jpeg = [d.severity for d in drawn if d.name == "jpeg"]
    assert 0.7 < len(jpeg) / len(drawn) < 0.8
    assert set(jpeg) == set(range(1, LEVELS["jpeg"] + 1))
    assert all(SEVERITIES[0] <= d.severity <= SEVERITIES[1] for d in drawn if d.name == "fog")
    assert {(d.number, d.name) for d in drawn} == {(0, "jpeg"), (1, "fog")}


@pytest.mark.parametrize("shares", [{}, {"sunshine": 1.0}, {"fog": 0.0}])
def test_a_mixture_that_cannot_be_drawn_is_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mixture: needs positive shares"):
        Mixture(shares)
