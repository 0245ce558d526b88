"""The measures without ground truth move as their descriptions say when a street gets foggy, noisy or unsteady."""

import numpy as np
import pytest

from weather_perception.core.contract import Image
from weather_perception.core.no_reference import noise_levels, visible_edges
from weather_perception.replay.no_reference import MEASURES, NoReference

PERIOD_NS = 100_000_000


@pytest.fixture(scope="module")
def street() -> Image:
    """Blocks of many brightnesses, 96x160, without noise."""
    return np.random.default_rng(3).integers(30, 220, (12, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def fog(image: Image, clear: float) -> Image:
    return (clear * image + (1 - clear) * 200).astype(np.uint8)


def luma(image: Image) -> np.ndarray:
    return image.mean(axis=2).astype(np.uint8)


def test_a_veil_hides_edges_and_contrast_and_its_removal_brings_them_back(street: Image) -> None:
    labels = np.zeros(street.shape[:2], np.uint8)
    found = NoReference().measure(0, fog(street, 0.08), street, labels)
    assert found["edges"].before == pytest.approx(visible_edges(luma(fog(street, 0.08))), abs=0.1)
    for key in ("edges", "contrast"):
        assert found[key].after > 2 * found[key].before
    assert found["change"].after > 20


def test_noise_is_measured_in_grey_levels_and_edges_are_none(street: Image) -> None:
    random = np.random.default_rng(5)
    flat = np.full((120, 160), 120.0)
    assert noise_levels(np.round(flat + random.normal(0, 6, flat.shape)).astype(np.uint8)) == pytest.approx(6, rel=0.1)
    assert noise_levels(luma(street)) == 0
    assert visible_edges(np.full((40, 40), 90, np.uint8)) == 0


def test_a_step_is_an_edge_from_five_per_cent_on() -> None:
    def step(low: int, high: int) -> float:
        plane = np.full((40, 40), low, np.uint8)
        plane[:, 20:] = high
        return visible_edges(plane)

    assert step(200, 208) == 0
    assert step(100, 120) > 0
    assert step(1, 3) == 0  # a contrast of a half, but of two grey levels


def test_motion_is_no_flicker_but_a_lamp_that_blinks_is(street: Image) -> None:
    wide = np.kron(np.random.default_rng(1).integers(40, 200, (20, 30)), np.ones((8, 8))).astype(np.uint8)
    wide = np.dstack([wide] * 3)
    left, right = wide[:, 4:164], wide[:, :160]  # the scene moves by four pixels
    labels = (luma(left) > 120).astype(np.uint8), (luma(right) > 120).astype(np.uint8)
    dimmed = (right * 0.8).astype(np.uint8)
    measures = NoReference()
    assert "flicker" not in measures.measure(0, left, left, labels[0])
    found = measures.measure(PERIOD_NS, right, dimmed, labels[1])
    still = NoReference()
    still.measure(0, left, left, labels[0])
    uncompensated = float(np.abs(left.astype(int) - right).mean())
    assert found["flicker"].before < uncompensated / 3
    assert found["flicker"].after > 4 * found["flicker"].before
    assert found["agreement"].after > 0.9
    assert found["agreement"].before is None


def test_each_side_flickers_by_its_own_frames(street: Image) -> None:
    """A restoration that brightens every frame alike does not flicker."""
    brighter, labels = (street + 30).astype(np.uint8), np.zeros(street.shape[:2], np.uint8)
    measures = NoReference()
    measures.measure(0, street, brighter, labels)
    assert measures.measure(PERIOD_NS, street, brighter, labels)["flicker"].after < 1


@pytest.mark.parametrize("later_ns", [0, -PERIOD_NS, 3_000_000_000])
def test_frames_that_are_no_neighbours_are_not_compared(street: Image, later_ns: int) -> None:
    measures, labels = NoReference(), np.zeros(street.shape[:2], np.uint8)
    measures.measure(5 * PERIOD_NS, street, street, labels)
    assert not {"flicker", "agreement"} & set(measures.measure(5 * PERIOD_NS + later_ns, street, street, labels))


def test_every_measure_has_its_words_and_a_tiny_or_large_frame_is_measured() -> None:
    for height, width in ((2, 3), (700, 1300)):
        image = np.full((height, width, 3), 255, np.uint8)
        measures, labels = NoReference(), np.zeros((height, width), np.uint8)
        measures.measure(0, image, image, labels)
        found = measures.measure(PERIOD_NS, image, image, labels)
        assert set(found) == {measure.key for measure in MEASURES}
        assert (found["clipped"].after, found["agreement"].after, found["change"].after) == (1, 1, 0)
    assert all(measure.reading and measure.limits for measure in MEASURES)
