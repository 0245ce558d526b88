"""The sky of a frame without labels: found in rendered streets, absent where there is none."""

import numpy as np

from training.data.classes import CLASS_ID, VOID
from training.data.sample import SKY_DEPTH, Sample, ground_plane_depth
from training.data.scenes.drive import Drive
from training.data.sky import sky_like, with_sky


def test_the_sky_of_most_rendered_streets_is_found() -> None:
    shares = []
    for seed in range(8):
        street = Drive(seed, 180, 320).render(5.0)
        truth_HW, found_HW = street.labels_HW == CLASS_ID["sky"], sky_like(street.image_HW3)
        shares.append((truth_HW & found_HW).sum() / (truth_HW | found_HW).sum())
    assert np.median(shares) > 0.85
    assert min(shares) > 0.4


def test_a_frame_without_a_sky_has_none() -> None:
    noise_HW3 = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    brick_HW3 = np.full((120, 200, 3), (150, 90, 70), np.uint8)
    black_HW3 = np.zeros((120, 200, 3), np.uint8)
    for image_HW3 in (noise_HW3, brick_HW3, black_HW3):
        assert sky_like(image_HW3).mean() < 0.02


def test_only_unlabelled_sky_gets_its_label_and_depth_and_never_the_ground() -> None:
    image_HW3 = np.full((120, 200, 3), 60, np.uint8)
    image_HW3[:50] = (190, 210, 240)
    labels_HW = np.full((120, 200), VOID, np.uint8)
    labels_HW[40:50, 50:60] = CLASS_ID["car"]
    sample = with_sky(Sample(image_HW3, labels_HW, ground_plane_depth(120, 200)))
    assert sample.depth_HW.dtype == np.float32
    assert (sample.depth_HW[:44, 100:] == SKY_DEPTH).all()
    assert (sample.depth_HW[40:50, 50:60] < 61).all()
    assert (sample.depth_HW[56:] < 61).all()
    assert (sample.labels_HW[:44, 100:] == CLASS_ID["sky"]).all()
    assert (sample.labels_HW[56:] == VOID).all() and (sample.labels_HW[40:50, 50:60] == CLASS_ID["car"]).all()
    labels_HW[:10, 50:90] = CLASS_ID["building"]
    wall = with_sky(Sample(image_HW3, labels_HW, ground_plane_depth(120, 200)))
    assert np.array_equal(wall.labels_HW, labels_HW), "a part with so many labels is a wall"
    assert (wall.depth_HW < 61).all()
