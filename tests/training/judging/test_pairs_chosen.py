"""Which pairs judge, and in which classes."""

import numpy as np
import pytest

from training.data.classes import CLASSES, VOID
from training.data.readers.cityscapes import CITYSCAPES_CLASSES
from training.judging.pairs import SAME_IDS, ids_of, spread_over, strength

BETAS = [f"beta {beta}" for _ in range(500) for beta in (0.005, 0.01, 0.02)]
"""The fogs of Foggy Cityscapes' validation, in the order of their names."""


@pytest.mark.parametrize("count", [500, 499, 30, 3])
def test_every_fog_judges_and_all_as_often(count: int) -> None:
    chosen = [BETAS[index] for index in spread_over(BETAS, count)]
    counts = [chosen.count(beta) for beta in BETAS[:3]]
    assert sum(counts) == count and max(counts) - min(counts) <= 1


def test_the_choice_depends_on_the_seed_and_covers_the_set() -> None:
    one, same, other = (spread_over(BETAS, 30, seed) for seed in (0, 0, 1))
    assert one == same != other and one == sorted(set(one))
    assert max(one) > 1000 and min(one) < 500
    assert spread_over(BETAS, 0) == spread_over(BETAS, 5000) == list(range(1500))


def test_a_kind_with_few_frames_gives_all_of_them() -> None:
    kinds = ["few"] * 2 + ["many"] * 50
    assert [kinds[index] for index in spread_over(kinds, 10)].count("few") == 2


def test_strengths_are_told_by_severity_or_beta() -> None:
    assert strength({"severity": 2.0}) == "severity 2" and strength({}) == ""
    assert strength({"alpha": 0.01, "beta": 0.015, "pattern": 3}) == "beta 0.015"


def test_labels_become_the_models_ids_or_are_not_scored() -> None:
    to_street = ids_of(CITYSCAPES_CLASSES, CLASSES)
    assert to_street is not None and to_street[0] == 3 and to_street[255] == VOID
    assert ids_of(CLASSES, CLASSES) is SAME_IDS and ids_of((), CLASSES) is SAME_IDS
    assert ids_of(CLASSES, CITYSCAPES_CLASSES) is None
    assert np.array_equal(SAME_IDS, np.arange(256))
