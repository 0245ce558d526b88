"""`make bench-quality`: its figures are right on models and frames of known quality, and its report holds them all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.quality import __main__ as command
from benchmarks.quality import frames as frames_of
from benchmarks.quality.baselines import BASELINES, apply_baselines, blind_gain, dark_channel_prior, median
from benchmarks.quality.conditions import MIXTURES, SEVERITIES, WEATHERS, Condition, conditions
from benchmarks.quality.frames import FrameSet, Roots, frame_sets, reduced
from benchmarks.quality.judge import Model, judge
from benchmarks.quality.near_misses import NEAR_MISSES
from benchmarks.quality.novelty import auroc, strange_frames
from benchmarks.quality.page import left_alone
from benchmarks.quality.rows import calibration, row, with_clear
from benchmarks.quality.scores import street_ids
from benchmarks.quality.sheet import CAPTION_ROWS, FAILURES_SHOWN, TILE_ROWS
from benchmarks.quality.shortfalls import shortfalls
from benchmarks.quality.video import flicker, static_pixels
from tests.support import datasets
from tests.support.tiny import export_tiny
from training.card import main as make_card
from training.data.classes import CLASS_ID, CLASSES
from training.data.degradations import degrade
from training.data.sample import SKY_DEPTH, Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from weather_perception.core.contract import Manifest
from weather_perception.core.program import save_program
from weather_perception.core.scores import psnr

pytestmark = pytest.mark.usefixtures("one_thread")

WEATHER_NAMES = ("clear", "fog", "rain", "snow")


class Street(nn.Module):
    """Adds `lift` levels, calls everything road and the weather fog, and every dark frame novel."""

    def __init__(self, lift: int = 0) -> None:
        super().__init__()
        self.lift = lift

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        restored = (image_BHW3.to(torch.int32) + self.lift).clamp(0, 255).to(torch.uint8)
        labels = torch.full_like(image_BHW3[..., 0], CLASS_ID["road"])
        level_B1 = image_BHW3.float().mean(dim=(1, 2, 3))[:, None]
        weather = 0 * level_B1 + torch.tensor([[0.1, 0.9, 0.0, 0.0]])
        return restored, labels, labels, weather, torch.sigmoid(20 - level_B1)


def write_street(path: Path, lift: int = 0, gate: str = "novelty") -> str:
    training = {"data": "none", "licence": "Apache-2.0", "command": "none", "commit": "none", "metrics": {}}
    manifest = Manifest("street", CLASSES, WEATHER_NAMES, (gate,), training, torch.__version__)
    return str(save_program(export_tiny(Street(lift)), manifest, path).path)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(write_street(tmp_path_factory.mktemp("models") / "identity.pt2"))


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    drive = Drive(UNSEEN_SEEDS_FROM, 96, 160)
    return [drive.render(time) for time in (5.0, 5.1)]


def condition(name: str) -> Condition:
    return next(one for one in conditions(measured_depth=True) if one.name == name)


def test_the_street_is_judged_apart_from_a_sky_that_fog_hides(tmp_path: Path) -> None:
    """A model that lifts everything by four levels, of a frame whose street alone is four levels too dark."""
    lifting = Model(write_street(tmp_path / "lifting.pt2", lift=4))
    depth_HW = np.full((64, 64), 30, np.float32)
    depth_HW[:32] = SKY_DEPTH
    street_HW = depth_HW < SKY_DEPTH
    sample = Sample(np.full((64, 64, 3), 100, np.uint8), np.zeros((64, 64), np.uint8), depth_HW)
    darker = Condition(
        "darker", "darker", lambda one, _: one.image_HW3 - np.uint8(4) * street_HW[..., None], frozenset()
    )
    found = row(judge(darker, [sample], lifting, None), lifting)
    off_by_four = psnr(sample.image_HW3 - 4, sample.image_HW3)
    assert found["psnr_out"] == found["psnr_in"], "the error moved from the street to the sky"
    assert found["street_gain_db"] == pytest.approx(100 - off_by_four, abs=0.01)
    all_sky = sample._replace(depth_HW=np.full_like(depth_HW, SKY_DEPTH))
    assert row(judge(darker, [all_sky], lifting, None), lifting)["street_gain_db"] is None


def test_every_weather_mixture_and_near_miss_has_its_rows() -> None:
    rows = conditions(measured_depth=True)
    assert len(rows) == 1 + len(WEATHERS) * len(SEVERITIES) + 3 + len(MIXTURES) + len(NEAR_MISSES)
    assert len({one.name for one in rows}) == len(rows)
    assert len(conditions()) == len(rows) - 3
    assert rows[0].alone
    assert condition("rain + night").weathers == {"rain", "night"}
    assert condition("rain + night").baselines == ("blind gain", "median"), "the last is undone first"
    assert all(set(one.baselines) <= set(BASELINES) for one in rows)
    seeds = {one.seed(index) for one in rows for index in range(3)}
    assert len(seeds) == 3 * len({one.group for one in rows})
    assert condition("rain 0.3").seed(1) == condition("rain 0.9").seed(1), "the same drops, more of them"


def test_a_condition_gives_the_same_pixels_in_every_run(samples: list[Sample]) -> None:
    for one in conditions(measured_depth=True):
        first, again = (one.apply(samples[0], one.seed(0)) for _ in range(2))
        assert np.array_equal(first, again)
        assert np.array_equal(first, samples[0].image_HW3) == (one.name == "clear")
    sky = samples[0]._replace(depth_HW=np.full_like(samples[0].depth_HW, 1000))
    foggy_HW3 = condition("fog by measured depth, beta 0.02").apply(sky, 0)
    assert np.ptp(foggy_HW3, axis=(0, 1)).max() <= 1, "the airlight alone"
    both = condition("fog + rain").apply(samples[0], 5)
    fog = samples[0]._replace(image_HW3=degrade(samples[0], "fog", 0.6, 5))
    assert np.array_equal(both, degrade(fog, "rain", 0.6, 6))


def test_an_identity_gains_nothing_and_leaves_all_alone(identity: Model, samples: list[Sample]) -> None:
    fog = row(judge(condition("fog 0.6"), samples, identity, None), identity)
    assert fog["psnr_in"] == fog["psnr_out"]
    assert fog["ssim_in"] == fog["ssim_out"]
    assert fog["worst_gain_db"] == 0
    assert fog["identical"] == fog["frames"] == 2
    assert fog["weather_right"] == 1
    assert fog["weather_seen"] == {"fog": 2}
    assert "miou_degraded" not in fog, "no base was given"
    grey = row(judge(condition("grey"), samples, identity, None), identity)
    assert (grey["within_40_db"], grey["largest_change"], grey["weather_right"]) == (1, 0, 0)
    assert left_alone(grey) == "identical"
    night = row(judge(condition("night 0.6"), samples, identity, None), identity)
    assert night["weather_right"] is None, "a weather that the model does not name"


def test_a_change_of_a_good_frame_is_measured_against_the_input(tmp_path: Path, samples: list[Sample]) -> None:
    dark = [sample._replace(image_HW3=sample.image_HW3 // 2) for sample in samples]
    lifting = Model(write_street(tmp_path / "lifting.pt2", lift=4))
    clear = row(judge(condition("clear"), dark, lifting, None), lifting)
    assert clear["psnr_changed"] == pytest.approx(20 * np.log10(255 / 4), abs=1e-3)
    assert (clear["identical"], clear["largest_change"], clear["within_40_db"]) == (0, 4, 0)
    assert left_alone(clear) == f"{clear['psnr_changed']:.2f} dB"
    white = samples[0]._replace(image_HW3=np.full_like(dark[0].image_HW3, 255))
    mixed = row(judge(condition("clear"), [white, dark[1]], lifting, None), lifting)
    assert left_alone(mixed) == f"identical in 1 of 2, else {mixed['psnr_changed']:.2f} dB"


def test_masks_are_compared_with_the_base_before_and_after(identity: Model, samples: list[Sample]) -> None:
    rows = [judge(condition(name), samples, identity, identity) for name in ("clear", "fog 0.6")]
    clear, fog = with_clear([row(one, identity) for one in rows])
    road = np.stack([sample.labels_HW for sample in samples]) == CLASS_ID["road"]
    present = len(np.unique(np.stack([sample.labels_HW for sample in samples])))
    assert fog["miou_refined"] == pytest.approx(road.mean() / present, abs=1e-3)
    assert fog["miou_degraded"] == fog["miou_restored"] == fog["miou_clear"] == clear["miou_refined"]
    assert fog["gap_closed"] is None, "there is no gap"
    half = [dict(clear, miou_degraded=0.6), dict(fog, miou_degraded=0.4, miou_refined=0.5)]
    assert with_clear(half)[1]["gap_closed"] == pytest.approx(0.5)


def test_the_router_is_off_by_the_distance_of_its_confidence(identity: Model, samples: list[Sample]) -> None:
    judged = [judge(condition(name), samples, identity, None) for name in ("fog 0.3", "rain 0.3", "night 0.3")]
    found = calibration(judged, identity)
    assert found == {"ece_percent": pytest.approx(40, abs=0.1), "weather_right": 0.5, "frames": 4}


@pytest.mark.parametrize(
    ("degradation", "severity", "method"),
    [("fog", 0.9, dark_channel_prior), ("snow", 0.6, median), ("night", 0.6, blind_gain)],
)
def test_a_classical_method_beats_doing_nothing(
    degradation: str, severity: float, method: Callable[[np.ndarray], np.ndarray]
) -> None:
    sample = Drive(UNSEEN_SEEDS_FROM + 1).render(5.0)
    degraded_HW3 = degrade(sample, degradation, severity, 3)
    restored_HW3 = method(degraded_HW3)
    assert restored_HW3.dtype == np.uint8
    assert restored_HW3.shape == degraded_HW3.shape
    assert psnr(restored_HW3, sample.image_HW3) > psnr(degraded_HW3, sample.image_HW3) + 0.5
    two = apply_baselines(["median", "blind gain"], degraded_HW3)
    assert np.array_equal(two, blind_gain(median(degraded_HW3)))


def test_the_dark_channel_prior_undoes_a_fog_for_which_it_holds() -> None:
    image_HW3 = np.zeros((120, 160, 3), np.uint8)
    image_HW3[:, ::3] = (220, 0, 40)
    image_HW3[:, 1::3] = (0, 90, 200)
    share_HW1 = np.linspace(0.2, 0.7, 120)[:, None, None]
    foggy_HW3 = np.rint(image_HW3 * (1 - share_HW1) + 230 * share_HW1).astype(np.uint8)
    foggy_HW3[:20] = 230
    image_HW3[:20] = 230
    assert psnr(dark_channel_prior(foggy_HW3), image_HW3) > psnr(foggy_HW3, image_HW3) + 6


def test_a_bright_frame_keeps_its_levels_under_blind_gain() -> None:
    bright_HW3 = np.full((20, 30, 3), 150, np.uint8)
    assert np.array_equal(blind_gain(bright_HW3), bright_HW3)


def test_near_misses_are_as_far_off_as_their_names_say(samples: list[Sample]) -> None:
    image_HW3 = np.full((64, 64, 3), 128, np.uint8)
    for name, deviation in (("noise 10", 10), ("noise 25", 25)):
        assert (NEAR_MISSES[name](image_HW3, 0).astype(float) - 128).std() == pytest.approx(deviation, rel=0.05)
    ramp_HW3 = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (4, 1, 3))
    assert np.ptp(NEAR_MISSES["flat contrast"](ramp_HW3, 0)) == pytest.approx(0.7 * 255, abs=1)
    assert NEAR_MISSES["lifted blacks"](ramp_HW3, 0).min() == 40
    assert (
        NEAR_MISSES["under-exposed"](ramp_HW3, 0).mean()
        < ramp_HW3.mean()
        < NEAR_MISSES["over-exposed"](ramp_HW3, 0).mean()
    )
    grey_HW3 = NEAR_MISSES["grey"](samples[0].image_HW3, 0)
    assert np.ptp(grey_HW3, axis=2).max() == 0


def test_static_pixels_neither_move_nor_change_their_class(identity: Model, samples: list[Sample]) -> None:
    first = samples[0]
    assert static_pixels(first, first).all()
    moved = first._replace(image_HW3=first.image_HW3.copy(), labels_HW=first.labels_HW.copy())
    moved.image_HW3[0, 0, 1] ^= 64
    moved.labels_HW[0, 1] = (moved.labels_HW[0, 1] + 1) % 11
    assert np.argwhere(~static_pixels(first, moved)).tolist() == [[0, 0], [0, 1]]
    clear, fog, rain, *_ = flicker([first, first], identity, identity)
    assert (clear["condition"], clear["static_share"], clear["levels_out"], clear["labels_refined"]) == (
        "clear",
        1,
        0,
        0,
    )
    assert fog["levels_in"] == 0, "a bank of fog stays"
    assert rain["levels_out"] == rain["levels_in"] > 0, "drops are new in every frame"


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc([0.1, 0.2], [0.8, 0.9]) == 1
    assert auroc([0.1, 0.9], [0.5]) == 0.5
    assert auroc([0.5], [0.5, 0.5]) == 0.5
    frames = strange_frames(2)
    assert set(frames) == {"black", "noise", "texture", "room"}
    assert max(image.max() for image in frames["black"]) < 5
    assert all(not np.array_equal(*images) for images in (frames["noise"], frames["texture"], frames["room"]))


def test_larger_frames_are_reduced_with_their_labels(samples: list[Sample]) -> None:
    half = reduced(samples[0], 48)
    assert half.image_HW3.shape == (48, 80, 3)
    assert half.labels_HW.shape == half.depth_HW.shape == (48, 80)
    assert set(np.unique(half.labels_HW)) <= set(np.unique(samples[0].labels_HW))
    assert reduced(samples[0]) is samples[0]


def test_the_sets_of_all_roots_are_judged_on(tmp_path: Path) -> None:
    for name in ("camvid", "pandaset", "stills"):
        datasets.BUILDERS[name](tmp_path / name)
    roots = Roots(tmp_path / "camvid", tmp_path / "pandaset", tmp_path / "stills")
    sets = frame_sets(roots, quick=True)
    assert [(one.name, len(one.samples)) for one in sets] == [
        *(("procedural", 2), ("CamVid", 1), ("PandaSet", 1), ("photographs", 1))
    ]
    assert [one.measured_depth for one in sets] == [False, False, True, False]


def test_the_sky_of_photographs_is_no_street(tmp_path: Path) -> None:
    blue_above = np.full((60, 80, 3), 60, np.uint8)
    blue_above[:25] = (200, 150, 120)  # BGR
    (tmp_path / "stills").mkdir()
    cv2.imwrite(str(tmp_path / "stills/photograph.png"), blue_above)
    (sample,) = frame_sets(Roots(stills=tmp_path / "stills"), quick=True)[1].samples
    assert (sample.depth_HW[:23] == SKY_DEPTH).all() and (sample.depth_HW[30:] < SKY_DEPTH / 2).all()


def test_other_classes_are_refused_by_name(tiny_model: Path) -> None:
    assert street_ids(CLASSES[::-1])[0] == CLASS_ID["bicyclist"]
    with pytest.raises(ValueError, match="the model has the classes dark, bright"):
        Model(str(tiny_model))


def test_the_report_holds_both_models(
    tmp_path: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "frame_sets", lambda roots, quick: [FrameSet("procedural", samples)])
    monkeypatch.setattr(command, "clip", lambda frames: samples)
    model = write_street(tmp_path / "identity.pt2")
    other = write_street(tmp_path / "other.pt2", lift=8, gate="decoder.fog")
    out = tmp_path / "out"
    assert command.main([model, "--base", model, "--compare", other, "--quick", "--out", str(out)]) == 0
    result = json.loads((out / "quality.json").read_text())
    assert set(result["novelty"]) == {"black", "noise", "texture", "room"}
    assert result["novelty"]["black"] > 0.9 > result["novelty"]["noise"]
    assert result["compare"]["novelty"] is None
    text = (out / "quality.md").read_text()
    names = [one["condition"] for one in result["sets"]["procedural"]["rows"]]
    assert all(f"| {name} |" in text for name in names)
    assert "| clear | identical |" in text
    assert "other gain" in text
    assert (out / "procedural.jpg").stat().st_size > 10_000
    assert "- procedural, fog 0.6: +0.0 dB on average, +0.0 dB for the worst frame" in text
    assert cv2.imread(str(out / "failures.jpg")).shape[0] == FAILURES_SHOWN * (TILE_ROWS + CAPTION_ROWS)
    card = tmp_path / "cards/identity.md"
    card.parent.mkdir()
    assert make_card([model, "--quality", str(out / "quality.json"), "--out", str(card)]) == 0
    told = card.read_text()
    assert result["sha256"] in told and "[all its figures](../out/quality.md)" in told
    assert "](../out/failures.jpg)" in told and all(f"- {weak}\n" in told for weak in result["does_badly"])
    assert make_card([other, "--quality", str(out / "quality.json")]) == 1
    assert "judge it again" in capsys.readouterr().err
    assert command.main([str(tmp_path / "none.pt2"), "--out", str(out)]) == 1
    assert "model file not found" in capsys.readouterr().err


ROW = {
    "condition": "rain 0.6",
    "frames": 10,
    "alone": False,
    "psnr_in": 20.0,
    "psnr_out": 25.0,
    "worst_gain_db": 2.0,
    "baseline": "median",
    "psnr_baseline": 22.0,
    "within_40_db": 0.0,
    "psnr_least": 21.0,
    "weather_right": 1.0,
    "weather_seen": {"rain": 10},
    "miou_degraded": 0.3,
    "miou_refined": 0.5,
    "miou_restored": 0.4,
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"worst_gain_db": -0.4, "miou_restored": 0.505}, None),
        ({"worst_gain_db": -0.6}, "+5.0 dB on average, -0.6 dB for the worst frame"),
        ({"psnr_out": 22.5, "psnr_baseline": 24.0}, "median gives 1.5 dB more"),
        (
            {"weather_right": 0.8, "weather_seen": {"clear": 2, "rain": 8}},
            "its weather is right in 80% (seen as clear 2, rain 8)",
        ),
        ({"miou_restored": 0.52}, "refined mask 0.500 mIoU, base segmenter on the restored frame 0.520"),
        ({"miou_degraded": 0.6}, "refined mask 0.500 mIoU, base segmenter on the degraded frame 0.600"),
        ({"alone": True, "within_40_db": 0.9}, None),
        (
            {"alone": True, "within_40_db": 0.8},
            "2 of 10 good frames come back with less than 40 dB, the worst with 21.0 dB",
        ),
    ],
)
def test_the_page_says_what_the_model_does_badly(change: dict[str, Any], sentence: str | None) -> None:
    found = shortfalls({"PandaSet": {"rows": [ROW, ROW | change]}})
    assert found == ([] if sentence is None else [f"PandaSet, rain 0.6: {sentence}."])


def test_a_missing_root_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_of, "unseen_frames", lambda drives: iter(()))
    model = write_street(tmp_path / "identity.pt2")
    assert command.main([model, "--pandaset", str(tmp_path / "nowhere"), "--quick", "--out", str(tmp_path)]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err
