"""Which moments the report shows, and why, as it says itself."""

import base64

import cv2
import numpy as np
import pytest

from weather_perception.replay.frames import Truth
from weather_perception.replay.moments import DRAWN, Moments, Seen, mask_uri, picture_uri
from weather_perception.replay.no_reference import Pair
from weather_perception.replay.output_bag import Answered

PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[1] = (255, 0, 0)


def seen(
    place: int, weather: str = "clear", psnr: tuple[float, float] | None = None, edges: float = 0.2, **gates: float
) -> Seen:
    image = np.full((32, 48, 3), place, np.uint8)
    labels = np.zeros((32, 48), np.uint8)
    probabilities = {"clear": 0.1, "fog": 0.1} | {weather: 0.9}
    answered = Answered(image, labels, np.full((32, 48), 250 - place, np.uint8))
    measured = {"edges": Pair(0.2, edges)}
    stamp_ns = place * 2_500_000_000
    return Seen(place, stamp_ns, image, answered, Truth(), probabilities, gates, measured, psnr)


def reasons(*frames: Seen) -> dict[int, str]:
    moments = Moments()
    for frame in frames:
        moments.offer(frame)
    return {moment.place: "; ".join(moment.reasons) for moment in moments.chosen(PALETTE)}


def decoded(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.removeprefix("data:image/webp;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_every_moment_has_the_pictures_stamp_and_figures_of_its_own_frame() -> None:
    moments = Moments()
    for place in range(60):
        frame = seen(place, psnr=(20.0 + place / 10, 25.0 + place / 10))
        frame.answered = Answered(frame.image_HW3 + 100, frame.answered.labels_HW, frame.answered.confidence_HW)
        moments.offer(frame)
    chosen = moments.chosen(PALETTE)
    assert len(chosen) > DRAWN
    for moment in chosen:
        shown = {layer.key: layer for layer in moment.layers}
        assert moment.stamp_ns == moment.place * 2_500_000_000
        assert abs(int(decoded(shown["input"].uri).mean()) - moment.place) <= 1
        assert abs(int(decoded(shown["restored"].uri).mean()) - moment.place - 100) <= 1
        assert shown["input"].caption == f"camera, {20 + moment.place / 10:.1f} dB"
        assert shown["restored"].caption == f"restored, {25 + moment.place / 10:.1f} dB"


def test_worst_and_best_by_the_truth_are_shown() -> None:
    gains = {3: -2.0, 6: -0.5, 8: 5.0, 9: 3.0}
    found = reasons(*(seen(place, psnr=(20, 20 + gains.get(place, 1.0))) for place in range(12)))
    assert "worst: 2.0 dB lost" in found[3]
    assert "among the worst: 0.5 dB lost" in found[6]
    assert "best: 5.0 dB won" in found[8]
    assert "best: 3.0 dB won" in found[9]


def test_without_truth_the_least_sure_mask_and_the_most_edges_won_are_shown() -> None:
    found = reasons(*(seen(place, edges=0.35 if place == 4 else 0.2) for place in range(9)))
    assert "worst: the mask is least sure, 95 % sure on average" in found[8]
    assert "most visible edges won: 20.0 to 35.0 % of the picture" in found[4]


def test_changes_of_routing_and_the_most_novel_frame_are_shown() -> None:
    frames = [seen(place, "fog" if place >= 5 else "clear", novelty=0.9 if place == 2 else 0.1) for place in range(9)]
    found = reasons(*frames)
    assert "routing changes from clear to fog" in found[5]
    assert "highest novelty, 0.90" in found[2]


def test_some_frames_are_drawn_at_random_and_a_frame_is_shown_once() -> None:
    found = reasons(*(seen(place) for place in range(60)))
    assert sum("drawn at random" in text for text in found.values()) == DRAWN
    assert reasons(seen(0)) == {0: "worst: the mask is least sure, 98 % sure on average; drawn at random"}
    assert reasons(*(seen(place) for place in range(60))) == found


def test_the_mask_is_shown_first_if_the_restored_image_is_the_same() -> None:
    moments, changed = Moments(), seen(1)
    changed.answered = Answered(changed.image_HW3 + 9, changed.answered.labels_HW, changed.answered.confidence_HW)
    for frame in (seen(0), changed):
        moments.offer(frame)
    assert [moment.first_layer for moment in moments.chosen(PALETTE)] == ["mask", "restored"]


def test_neighbours_in_time_are_not_chosen_for_the_same_reason() -> None:
    frames = [seen(place, psnr=(30, 30 - place / 10)) for place in range(10)]
    for frame in frames:
        frame.stamp_ns = frame.place * 10_000_000
    assert [text for text in reasons(*frames).values() if "among the worst" in text] == []


@pytest.mark.parametrize(("width", "shown"), [(50, 50), (1920, 1920), (4000, 1920)])
def test_pictures_keep_their_size_up_to_full_hd_and_their_colours(width: int, shown: int) -> None:
    image = np.zeros((20, width, 3), np.uint8)
    image[:, : width // 2] = (200, 40, 20)
    found = decoded(picture_uri(image))
    assert found.shape[1] == shown
    assert np.abs(found[found.shape[0] // 2, 5].astype(int) - (20, 40, 200)).max() < 25


def test_masks_are_exact_and_clear_where_they_are_void() -> None:
    labels = np.array([[0, 1], [255, 1]], np.uint8).repeat(8, 0).repeat(8, 1)
    found = decoded(mask_uri(labels, PALETTE))
    assert found[0, 15].tolist() == [0, 0, 255, 255]
    assert found[0, 0].tolist() == [0, 0, 0, 255]
    assert found[15, 0, 3] == 0
