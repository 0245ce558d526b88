"""Training examples are a pure function of the seed and their index."""

import numpy as np
import pytest
import torch

from training.data.batches import MixedCrops, near_miss, whole_frame
from training.data.bonnet import DISTANCE_M, with_bonnet
from training.data.classes import VOID
from training.data.mixture import CONDITIONS, NEAR_MISS, OTHER_FRAME, ConditionMixture, Step
from training.data.sample import Sample


def test_mixed_examples_repeat_and_batch(pool: list[Sample]) -> None:
    crops = MixedCrops([pool], [1.0], (64, 80), seed=3)
    for first, second in zip(crops[7], crops[7], strict=True):
        assert torch.equal(first, second)
    batch = torch.utils.data.default_collate([crops[i] for i in range(4)])
    assert batch.degraded_3HW.shape == batch.clear_3HW.shape == (4, 3, 64, 80)
    assert batch.weathers_K.shape == batch.severities_K.shape == (4, len(CONDITIONS))


def test_mixed_examples_tell_their_conditions(pool: list[Sample]) -> None:
    crops = MixedCrops([pool], [1.0], (64, 80), seed=3)
    examples = [crops[i] for i in range(120)]
    assert {int(e.weather) for e in examples} == set(range(len(CONDITIONS)))
    for example in examples:
        assert int(example.weather) == int(example.severities_K.argmax())
        assert torch.equal(example.weathers_K, (example.severities_K > 0).float())
        assert int(example.weathers_K.sum()) in (1, 2)
        if int(example.weather) == 0:
            assert torch.equal(example.degraded_3HW, example.clear_3HW)


def test_a_near_miss_is_its_own_target(pool: list[Sample]) -> None:
    dim = [pool[0]._replace(image_HW3=np.full((120, 160, 3), 90, np.uint8))]
    misses = MixedCrops([dim], [1.0], (64, 80), seed=1, mixture=ConditionMixture({(NEAR_MISS,): 1}))
    plain = MixedCrops([dim], [1.0], (64, 80), seed=1, mixture=ConditionMixture({(): 1}))
    for index in range(12):
        assert torch.equal(misses[index].degraded_3HW, misses[index].clear_3HW)
        assert int(misses[index].weather) == 0 and float(misses[index].novel) == 0
    assert any(
        float(misses[i].clear_3HW.float().std()) > 3 + float(plain[i].clear_3HW.float().std()) for i in range(12)
    )


def test_a_near_miss_under_weather_is_the_target_of_that_weather(pool: list[Sample]) -> None:
    mixture = ConditionMixture({(NEAR_MISS, "wide_fog"): 1})
    example = MixedCrops([pool], [1.0], (64, 80), seed=1, mixture=mixture)[0]
    assert CONDITIONS[int(example.weather)] == "fog" and int(example.weathers_K.sum()) == 1
    assert not torch.equal(example.degraded_3HW, example.clear_3HW)


@pytest.mark.parametrize(
    ("kind", "parted"),
    [
        ((), True),
        (("wide_fog",), True),
        (("rain_streaks",), True),
        (("wide_fog", "snow_flakes"), True),
        (("wide_night", "rain_streaks"), True),
        (("wide_night",), False),
        (("snow_flakes", "wide_night"), False),
        (("rain_streaks", "lens_drops"), False),
    ],
)
def test_an_example_tells_what_is_behind_its_particles_if_nothing_is_over_them(
    pool: list[Sample], kind: tuple[str, ...], parted: bool
) -> None:
    mixture = ConditionMixture({kind: 1})
    example = MixedCrops([pool], [1.0], (64, 80), seed=2, mixture=mixture, compressed=0)[1]
    assert bool(example.parted) == parted
    hidden = kind[-1:] in (("rain_streaks",), ("snow_flakes",), ("lens_drops",))
    assert torch.equal(example.behind_3HW, example.degraded_3HW) == (not hidden)
    if kind in (("rain_streaks",), ("snow_flakes",)):
        assert torch.equal(example.behind_3HW, example.clear_3HW)


@pytest.mark.parametrize("kind", [("wide_snow",), ("wide_fog", "snow_flakes")])
def test_what_is_behind_particles_is_the_same_weather(pool: list[Sample], kind: tuple[str, ...]) -> None:
    """Between the flakes, veil and ground are the degraded frame's own."""
    dim = [pool[0]._replace(image_HW3=np.full((120, 160, 3), 90, np.uint8))]
    examples = MixedCrops([dim], [1.0], (64, 80), seed=2, mixture=ConditionMixture({kind: 1}), compressed=0)
    strongest = 0.0
    for example in (examples[i] for i in range(6)):
        difference = (example.degraded_3HW.float() - example.behind_3HW.float()).abs().amax(dim=0)
        assert (difference <= 1).float().mean() > 0.4
        strongest = max(strongest, float((example.behind_3HW.float() - example.clear_3HW.float()).abs().max()))
    assert strongest > 5


def test_a_stretched_whole_frame_has_other_aspects(pool: list[Sample]) -> None:
    columns_HW = np.repeat(np.arange(160, dtype=np.uint8)[None, :], 120, axis=0)
    rows_HW = np.repeat(np.arange(120, dtype=np.uint8)[:, None], 160, axis=1)
    seen = []
    for seed in range(40):
        across, down = (
            whole_frame(pool[0]._replace(labels_HW=plane), (96, 128), np.random.default_rng(seed), 1.35).labels_HW
            for plane in (columns_HW, rows_HW)
        )
        assert max(np.ptp(across) / 160, np.ptp(down) / 120) > 0.95, "all of the frame, in one direction"
        seen.append(np.ptp(across) / np.ptp(down) * 120 / 160)
    assert 1 / 1.4 < min(seen) < 0.85 and 1.18 < max(seen) < 1.4


def test_frames_in_weather_are_compressed_their_targets_are_not(pool: list[Sample]) -> None:
    dim = [pool[0]._replace(image_HW3=np.full((120, 160, 3), 90, np.uint8))]
    mixture = ConditionMixture({("rain_streaks",): 1, (): 1})
    raw, packed = (
        MixedCrops([dim], [1.0], (64, 80), seed=5, mixture=mixture, compressed=share) for share in (0.0, 1.0)
    )
    for index in range(10):
        one, other = raw[index], packed[index]
        in_weather = int(one.weather) > 0
        assert torch.equal(one.clear_3HW, other.clear_3HW)
        assert torch.equal(one.degraded_3HW, other.degraded_3HW) == (not in_weather)
        if in_weather:
            assert (one.degraded_3HW.float() - other.degraded_3HW.float()).abs().mean() < 8


def test_other_frames_have_no_labels(pool: list[Sample]) -> None:
    examples = MixedCrops([pool], [1.0], (64, 80), seed=1, mixture=ConditionMixture({(OTHER_FRAME,): 1}))
    assert all((examples[i].labels_HW == VOID).all() and float(examples[i].novel) == 1 for i in range(4))
    assert near_miss(pool[0], Step("dusk", 0.5), 0).labels_HW is pool[0].labels_HW


@pytest.mark.parametrize("size", [(64, 80), (30, 200), (120, 40)])
def test_a_whole_frame_keeps_all_that_its_aspect_allows(pool: list[Sample], size: tuple[int, int]) -> None:
    rows_HW = np.repeat(np.arange(120, dtype=np.uint8)[:, None], 160, axis=1)
    seen = whole_frame(pool[0]._replace(labels_HW=rows_HW), size, np.random.default_rng(0))
    assert seen.labels_HW.shape == seen.depth_HW.shape == size
    full_height = size[1] / size[0] <= 160 / 120
    assert (np.ptp(seen.labels_HW) > 110) == full_height


def test_a_bonnet_is_near_unlabelled_and_below(pool: list[Sample]) -> None:
    made = [with_bonnet(pool[0], np.random.default_rng(seed)) for seed in range(60)]
    changed = [sample for sample in made if sample is not pool[0]]
    assert 4 <= len(changed) <= 25
    for sample in changed:
        bonnet_HW = sample.depth_HW == np.float32(DISTANCE_M)
        assert (sample.labels_HW[bonnet_HW] == VOID).all()
        assert not bonnet_HW[:70].any()
        assert np.array_equal(sample.image_HW3[:70], pool[0].image_HW3[:70])
        assert (sample.image_HW3.dtype, sample.labels_HW.dtype, sample.depth_HW.dtype) == (
            np.uint8,
            np.uint8,
            np.float32,
        )
