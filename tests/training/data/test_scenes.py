"""Procedural drives: repeatable, moving, fully labelled, and metric."""

import numpy as np
import pytest

from training.data.classes import CLASS_ID, CLASSES
from training.data.sample import SKY_DEPTH
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive

SEEDS = (0, 5, 7, UNSEEN_SEEDS_FROM + 3)


@pytest.fixture(scope="module")
def drives():
    return {seed: Drive(seed, 180, 320) for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
def test_same_seed_and_time_give_the_same_sample(drives, seed):
    drives[seed].render(3.0)  # an earlier rendering must not matter
    for first, second in zip(drives[seed].render(1.5), Drive(seed, 180, 320).render(1.5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_different_seeds_give_different_streets(drives):
    images = [drive.render(0.0).image_HW3.astype(int) for drive in drives.values()]
    for index, image in enumerate(images):
        for other in images[index + 1 :]:
            assert np.abs(image - other).mean() > 15


@pytest.mark.parametrize("seed", SEEDS)
def test_the_clip_moves_smoothly(drives, seed):
    samples = [drives[seed].render(time_s) for time_s in (4.0, 4.02, 6.0)]
    start, soon, later = (sample.image_HW3.astype(int) for sample in samples)
    assert 0.2 < np.abs(soon - start).mean() < 0.7 * np.abs(later - start).mean()
    assert (samples[0].labels_HW == samples[1].labels_HW).mean() > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_every_class_comes_by_within_seconds(drives, seed):
    seen = set()
    for time_s in np.arange(0.0, 16.0, 2.0):
        seen |= set(np.unique(drives[seed].render(float(time_s)).labels_HW).tolist())
    assert seen == set(range(len(CLASSES)))


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (180, 320), (240, 135)])
def test_size_is_honoured(size):
    sample = Drive(11, *size).render(2.0)
    assert sample.image_HW3.shape == (*size, 3)
    assert sample.image_HW3.dtype == np.uint8
    assert sample.labels_HW.shape == size
    assert sample.labels_HW.dtype == np.uint8
    assert sample.depth_HW.shape == size
    assert sample.depth_HW.dtype == np.float32


@pytest.mark.parametrize("seed", SEEDS)
def test_depth_is_metric(drives, seed):
    sample = drives[seed].render(2.5)
    np.testing.assert_array_equal(sample.depth_HW == SKY_DEPTH, sample.labels_HW == CLASS_ID["sky"])
    assert sample.depth_HW.min() > 0.0
    road = sample.labels_HW == CLASS_ID["road"]
    rows = np.flatnonzero(road.any(axis=1))
    by_row = [sample.depth_HW[row][road[row]] for row in rows]
    means = np.array([depths.mean() for depths in by_row])
    assert max(np.ptp(depths) for depths in by_row) < 0.01, "flat ground has one depth a row"
    assert np.all(np.diff(means) < 0.0), "road further down the picture is nearer"
    assert 1.0 < means[-1] < 6.0


def test_depth_and_motion_agree():
    """Moving each road pixel by its depth and the drive's speed predicts the next frame better than standing still."""
    drive = Drive(3, 360, 640)
    step_s = 0.08
    now, soon = drive.render(1.0), drive.render(1.0 + step_s)
    _, centre_u, centre_v = drive.intrinsics
    rows, columns = np.nonzero((now.labels_HW == CLASS_ID["road"]) & (now.depth_HW > 4.0) & (now.depth_HW < 12.0))
    depth = now.depth_HW[rows, columns]
    zoom = depth / (depth - drive.speed_mps * step_s)
    new_rows = np.round(centre_v + (rows - centre_v) * zoom).astype(int)
    new_columns = np.round(centre_u + (columns - centre_u) * zoom).astype(int)
    kept = (new_rows < 360) & (new_columns >= 0) & (new_columns < 640)
    rows, columns, new_rows, new_columns = (index[kept] for index in (rows, columns, new_rows, new_columns))
    before = now.image_HW3[rows, columns].astype(float)
    moved = np.abs(soon.image_HW3[new_rows, new_columns] - before).mean()
    still = np.abs(soon.image_HW3[rows, columns] - before).mean()
    assert moved < 0.75 * still


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), float("-inf")])
def test_time_must_be_finite(drives, time_s):
    with pytest.raises(ValueError, match="finite"):
        drives[0].render(time_s)


@pytest.mark.parametrize("time_s", [-7.0, 3600.0])
def test_the_street_has_no_end(drives, time_s):
    labels = drives[0].render(time_s).labels_HW
    assert {CLASS_ID["road"], CLASS_ID["building"], CLASS_ID["sky"]} <= set(np.unique(labels).tolist())


@pytest.mark.parametrize(
    ("arguments", "reason"), [((1, 63, 640), "64x64"), ((1, 360, 10), "64x64"), ((-1,), "negative")]
)
def test_impossible_drives_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        Drive(*arguments)
