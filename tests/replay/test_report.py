"""The report: it stands alone, says what there is to say for any run, and can be used in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.replay.test_moments import PALETTE, seen
from tests.support import browser
from tests.support.documents import WEATHERS, camera, document, model
from weather_perception.replay.moments import Moment, Moments
from weather_perception.replay.recording import Answer
from weather_perception.replay.report import figure, render_report, signed
from weather_perception.replay.section import section


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    kept = Moments()
    for place in range(8):
        kept.offer(seen(10 * place, "fog" if place > 4 else "clear", psnr=(20, 20 + place), novelty=place / 10))
    return kept.chosen(PALETTE)


@pytest.fixture(scope="module")
def page(moments: list[Moment]) -> str:
    return render_report(document(camera(gain_db=4.2)), {(0, 0): moments})


def test_it_stands_alone(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "@import" not in page
    assert "url(" not in page
    assert page.count("data:image/webp") >= 3 * 5


def test_it_says_what_was_run_on_what(page: str) -> None:
    for text in (
        "/data/drive", "96 × 64 (width × height)", "rgb8", "2026-03-01 08:00:00.000 UTC", "a processor, 2 cores",
        "engine torch", "ab" * 32, "replay drive.mcap", "300 of 300 answered", "licence Apache-2.0",
    ):  # fmt: skip
        assert text in page


def test_every_moment_has_its_reason_time_and_stamp(page: str, moments: list[Moment]) -> None:
    for moment in moments:
        assert all(reason in page for reason in moment.reasons)
    assert page.count('type="range"') == page.count('<figure class="moment"') == len(moments)


def test_figures_against_the_truth_have_intervals_and_classes(page: str) -> None:
    assert "a bootstrap over 6 stretches of 5 s" in page
    assert "nothing about other drives" in page
    assert re.search(r"car</th><td>0.000</td><td class=\"better\">0.150</td><td>10.0 %", page)
    assert re.search(r"pedestrian</th><td>–</td><td>–</td>", page)


def test_without_truth_it_says_so_and_gives_each_measure_its_limits() -> None:
    page = render_report(document(camera()), {})
    assert "without ground truth that can be used" in page
    assert page.count("Beware:") == 7


def test_a_run_without_answers_or_with_one_frame_is_still_a_page() -> None:
    nothing = render_report(document(camera(np.arange(4) / 10, answered=False)), {})
    assert '<p class="verdict failed">' in nothing
    assert "18432 bytes expected" in nothing
    single = render_report(document(camera([0.0])), {})
    assert "there is no course of time to draw" in single
    assert "No interval" in single
    assert "no frame to answer" in render_report(document(), {})


def test_cameras_and_models_have_a_section_each_and_a_common_table() -> None:
    cameras = [camera(gain_db=2.0, topic=f"/camera{n}", models=("old", "new")) for n in range(2)]
    page = render_report(document(*cameras), {})
    assert page.count("<article ") == 4
    for link in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{link}"' in page
    assert "/camera1, new" in page
    assert "All cameras together: old" in page


def test_a_users_own_model_is_shown_on_both_images() -> None:
    one = camera()
    sides = [{"count": n, "mean_score": 0.5, "by_class": {"car": n}, "miou": None} for n in (3, 7)]
    one["runs"][0]["detector"] = {
        "name": "mine:make", "kind": "boxes", "frames": 300, "input": sides[0], "restored": sides[1], "agreement": 0.4,
    }  # fmt: skip
    page = render_report(document(one), {})
    assert "<code>mine:make</code>" in page
    assert '<th scope="row">car</th><td>3</td><td>7</td>' in page
    assert "40.0 % of its boxes have a partner" in page


def test_frames_that_passed_through_unseen_are_of_no_weather() -> None:
    """A node that is not ready yet answers them with probabilities of 0."""
    assert Answer(0, 0.1, dict.fromkeys(WEATHERS, 0.0), {}).dominant_weather == "unknown"
    one = camera()
    run = one["runs"][0]
    for values in run["frames"]["weather"].values():
        values[:50] = [0.0] * 50
    routing = section("", one, run, model(), ()).routing
    assert routing is not None
    assert (routing.seen[0].name, routing.seen[0].frames) == ("unknown", (0, 49))
    assert "unknown" not in {band.name for band in routing.seen[1:]}


def test_drives_of_one_report_give_intervals_over_drives() -> None:
    page = render_report(document(*(camera(gain_db=2.0, recording=f"/data/{n}") for n in range(5))), {})
    assert "a bootstrap over 5 drives." in page
    assert "<h1>5 recordings</h1>" in page


@pytest.mark.parametrize("name", ["$\\frac{1$", "<script>alert(1)</script>", "ne\u0301vé"])
def test_any_name_can_be_printed(name: str) -> None:
    one = camera(gain_db=1.0, recording=f"/data/{name}", weathers=(name, "fog"))
    page = render_report(document(one), {})
    assert "<script>alert" not in page
    assert page.count("<script>") == 1


def test_a_path_that_is_no_utf_8_can_be_written(tmp_path: Path) -> None:
    path = b"/data/b\xe4g".decode("utf-8", "surrogateescape")
    (tmp_path / "report.html").write_text(render_report(document(camera(recording=path)), {}), encoding="utf-8")
    assert r"b\udce4g" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_numbers_are_typeset() -> None:
    assert [signed(value, 1) for value in (1.25, -0.04, -2.0)] == ["+1.2", "0.0", "−2.0"]
    assert [figure(value) for value in (1.0, None, float("nan"))] == ["1.0", "–", "–"]


QUESTION = (Path(browser.__file__).parent / "report_in_browser.js").read_text()


@pytest.mark.skipif(not browser.CHROMIUM, reason=browser.MISSING)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_works_in_a_browser_on_a_desktop_and_on_a_phone(page: str, tmp_path: Path, dark: bool) -> None:
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    for name, found in browser.ask(tmp_path / "report.html", QUESTION, dark).items():
        assert found["overflow"] <= 0, (name, found["wide"])
        assert not (found["wide"] or found["broken"] or found["unnamed"] or found["repeated"])
        assert max(np.diff(found["levels"])) <= 1  # no heading is skipped
        assert (found["focused"], found["spoken"]) == (True, "20 % camera")
        assert "20%" in found["clip"]
        assert found["mask"] == "block"
        assert found["stage"] >= (320 if name == "phone" else 600)
        assert min(found["contrasts"]) >= 4.5  # WCAG AA
        assert found["dark"] == dark
