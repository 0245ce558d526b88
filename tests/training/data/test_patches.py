"""Parts of examples: the same place in every image of them, again the same in every run."""

import torch

from training.data.batches import MixedCrops
from training.data.mixture import PARTICLE_MIXTURE
from training.data.patches import Patches
from training.data.sample import Sample


def test_a_part_is_of_one_example_and_one_place(pool: list[Sample]) -> None:
    whole = MixedCrops([pool], [1.0], (64, 80), seed=3, mixture=PARTICLE_MIXTURE)
    parts = Patches(whole, 32, seed=3)
    places = set()
    for index in range(12):
        part, example = parts[index], whole[index // 4]
        assert part.degraded_3HW.shape == part.clear_3HW.shape == part.behind_3HW.shape == (3, 32, 32)
        assert part.labels_HW.shape == (32, 32) and torch.equal(part.weathers_K, example.weathers_K)
        found = [
            (top, left)
            for top in range(33)
            for left in range(49)
            if torch.equal(example.degraded_3HW[:, top : top + 32, left : left + 32], part.degraded_3HW)
        ]
        assert len(found) == 1
        top, left = found[0]
        assert torch.equal(example.behind_3HW[:, top : top + 32, left : left + 32], part.behind_3HW)
        assert torch.equal(example.labels_HW[top : top + 32, left : left + 32], part.labels_HW)
        places.add(found[0])
    assert len(places) > 8


def test_parts_repeat_in_any_order(pool: list[Sample]) -> None:
    whole = MixedCrops([pool], [1.0], (64, 80), seed=3, mixture=PARTICLE_MIXTURE)
    first, again = Patches(whole, 32, seed=3), Patches(whole, 32, seed=3)
    for index in (9, 0, 5):
        assert all(torch.equal(a, b) for a, b in zip(first[index], again[index], strict=True))


def test_what_is_behind_its_particles_is_always_known(pool: list[Sample]) -> None:
    whole = MixedCrops([pool], [1.0], (64, 80), seed=3, mixture=PARTICLE_MIXTURE)
    assert all(float(whole[index].parted) == 1 for index in range(60))
