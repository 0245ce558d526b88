"""The sentence at the top of the report, and the cautions below it."""

from typing import Any

import numpy as np
import pytest

from tests.support.documents import camera, document, score
from weather_perception.replay.verdict import cautions, speed_in_words, verdict


def test_a_gain_is_called_better_and_a_loss_worse() -> None:
    better, worse = verdict(document(camera(gain_db=4.2))), verdict(document(camera(gain_db=-1.0)))
    assert (better.tone, worse.tone) == ("good", "bad")
    assert "PSNR 20.0 to 24.2 dB" in better.sentence
    assert "mIoU 0.500 to 0.542" in better.sentence
    assert "all 300 frames" in better.sentence
    assert "further from the truth (PSNR 20.0 to 19.0 dB)" in worse.sentence


def test_pictures_and_masks_that_disagree_are_mixed_and_small_changes_none() -> None:
    mixed, same = camera(gain_db=3.0), camera(gain_db=0.0)
    mixed["runs"][0]["degraded"] = score(100, 3.0) | {"miou_refined": 0.4}
    assert verdict(document(mixed)).tone == "mixed"
    assert verdict(document(same)).word == "No difference"


def test_without_truth_nothing_is_called_better() -> None:
    found = verdict(document(camera()))
    assert (found.tone, found.word) == ("open", "Not judged")
    assert "nothing here can be called better or worse" in found.sentence
    assert "saw clear in 50 % of the frames" in found.sentence
    assert "visible edges went from" in found.sentence


def test_no_answer_is_not_calm() -> None:
    found = verdict(document(camera(np.arange(4) / 10, answered=False)))
    assert found.tone == "failed"
    assert found.sentence == "None of the 4 frames was answered: wrong size (18432 bytes expected, 18000 found)."
    assert "no frame to answer" in verdict(document()).sentence


def test_a_limit_that_does_not_hold_comes_first() -> None:
    limit = {"figure": "psnr", "limit": 30.0, "value": 24.2, "camera": "front", "model": "tiny", "passed": False}
    found = verdict(document(camera(gain_db=4.2), limits=[limit]))
    assert found.tone == "bad"
    assert "psnr 24.2 (limit 30)" in found.sentence
    several = verdict(document(camera(gain_db=4.2), camera(topic="/rear"), limits=[limit] * 4))
    assert several.sentence.startswith("4 of the limits of --fail-under do not hold: psnr 24.2 (limit 30; front, tiny)")
    assert several.sentence.endswith(", and 1 more.")


def test_several_cameras_are_weighted_by_their_frames() -> None:
    small, large = camera(np.arange(10) / 10, gain_db=6.0), camera(gain_db=2.0, topic="/rear")
    assert "PSNR 20.0 to 22.1 dB" in verdict(document(small, large)).sentence


def with_changes(**changes: Any) -> list[str]:
    one = camera()
    for key, value in changes.items():
        one[key] = one[key] | value if isinstance(value, dict) else value
    return cautions(document(one))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"counts": {"undecodable": 1}}, "1 frame could not be decoded"),
        ({"truth": {"unused": {"labels_wrong_size": {"frames": 3, "example": "48x32"}}}}, "(labels wrong size): 48x32"),
        ({"notes": ["recovered the first 12 s"]}, "recovered the first 12 s"),
    ],
)
def test_what_went_wrong_while_reading_is_said(changes: dict[str, Any], expected: str) -> None:
    (found,) = with_changes(**changes)
    assert expected in found


def test_a_model_slower_than_the_camera_and_lost_frames_are_said() -> None:
    one = camera()
    one["runs"][0]["latency_ms"]["p95"] = 180.0
    one["runs"][0]["counts"] |= {"answered": 290, "dropped": {"superseded": 10}}
    lost, slow = cautions(document(one))
    assert "10 of 300 frames got no answer (superseded 10)" in lost
    assert "180 ms or more, and frames come every 100 ms" in slow
    one["kind"] = "pictures"  # their times are made up
    made_up, _ = cautions(document(one))
    assert "flicker and steadiness of the mask mean nothing" in made_up


def test_many_slow_cameras_are_one_caution_and_others_name_their_camera() -> None:
    cameras = [camera(topic=f"/camera{n}") for n in range(6)]
    for one in cameras:
        one["runs"][0]["latency_ms"]["p95"] = 300.0
    cameras[4]["counts"]["undecodable"] = 2
    damaged, slow = cautions(document(*cameras))
    assert damaged == "/camera4: 2 frames could not be decoded."
    assert "6 cameras" in slow


def test_an_interrupted_run_is_said_and_one_without_faults_has_no_cautions() -> None:
    whole = document(camera())
    assert cautions(whole) == []
    assert "interrupted" in cautions(whole | {"replay": whole["replay"] | {"complete": False}})[0]


def test_only_a_believable_speed_is_said() -> None:
    assert [speed_in_words(value) for value in (0.84, 12.3, 4802362.06, None)] == [
        "0.84 x real time", "12 x real time", "", "",
    ]  # fmt: skip
