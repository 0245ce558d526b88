"""The command in direct mode: a bag in; a bag, metrics and a report out; and what it says when it cannot."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.bags import Shot, open_reader, write_bag
from tests.support.engines import CopyEngine
from tests.support.metrics import figures_in, read_metrics
from tests.support.tiny import TinyModel, export_tiny, tiny_manifest
from weather_perception.core.contract import Outputs
from weather_perception.core.pipeline import Pipeline
from weather_perception.core.program import open_program, save_program
from weather_perception.replay.cli import main
from weather_perception.replay.models import Choice
from weather_perception.replay.no_reference import MEASURES


@pytest.fixture(scope="session")
def bag(tmp_path_factory: pytest.TempPathFactory, drive: list[Shot]) -> Path:
    return write_bag(tmp_path_factory.mktemp("bag") / "drive", drive)


class DarkModel(TinyModel):
    """Calls every pixel dark, the second of its classes."""

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        restored, labels, *others = super().forward(image_BHW3)
        return (restored, torch.ones_like(labels), *others)


def replay(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory, bag: Path, tiny_model: Path) -> Path:
    """A finished replay with a baseline that calls everything dark."""
    folder = tmp_path_factory.mktemp("out")
    base = folder / "dark.pt2"
    manifest = tiny_manifest("dark")
    save_program(export_tiny(DarkModel()), replace(manifest, classes=manifest.classes[::-1]), base)
    assert replay(bag, "--out", folder / "run", "--model", tiny_model, "--baseline", base) == 0
    return folder / "run"


def test_metrics_hold_every_figure(out: Path, tiny_model: Path) -> None:
    metrics = figures_in(out)
    fog, clear = metrics["weathers"]["fog"], metrics["weathers"]["clear"]
    assert fog["psnr_restored"] > fog["psnr_input"] + 3
    assert fog["ssim_restored"] > fog["ssim_input"]
    assert clear["psnr_input"] == 100
    assert clear["frames"] == fog["frames"] == 5
    assert metrics["miou_over"] == "degraded"
    assert metrics["miou_refined"] == fog["miou_refined"] > 0.7
    assert metrics["miou_base"] == fog["miou_base"] < 0.5
    assert fog["iou_base"]["dark"] > fog["iou_base"]["bright"] == 0  # by name, not by id
    assert fog["weather_accuracy"] == 1
    assert clear["weather_accuracy"] == 0  # the tiny model sees fog everywhere
    assert metrics["weather_accuracy"] == 0.5
    assert metrics["frames_sent"] == metrics["frames_received"] == 10
    assert metrics["drops"] == {}
    assert 0 < metrics["latency_ms"]["p50"] <= metrics["latency_ms"]["p95"]
    assert metrics["model"] == {"name": "tiny", "sha256": open_program(tiny_model).sha256}
    assert (metrics["mode"], metrics["engine"]) == ("direct", "torch")
    assert metrics["speed"]["frames_per_second"] > 0


def test_the_figures_of_frames_have_their_units_and_those_of_the_run_are_of_them(out: Path, drive: list[Shot]) -> None:
    (camera,) = read_metrics(out)["cameras"]
    (run,), frames = camera["runs"], camera["frames"]
    stamps = [shot.stamp_ns for shot in drive]
    assert frames["stamp_ns"] == stamps
    assert frames["time_s"] == pytest.approx([(stamp - stamps[0]) / 1e9 for stamp in stamps])
    assert camera["span"]["duration_s"] == pytest.approx(frames["time_s"][-1])
    assert (camera["span"]["first_stamp_ns"], camera["span"]["last_stamp_ns"]) == (stamps[0], stamps[-1])
    latencies = run["frames"]["latency_ms"]
    found = {name: run["latency_ms"][name] for name in ("p50", "p90", "p95", "p99", "mean", "max")}
    wanted = {f"p{percent}": np.percentile(latencies, percent) for percent in (50, 90, 95, 99)}
    assert found == pytest.approx(wanted | {"mean": np.mean(latencies), "max": max(latencies)}, rel=1e-3)


def test_the_output_bag_holds_what_the_node_publishes(out: Path, drive: list[Shot]) -> None:
    with open_reader(out / "output_bag") as reader:
        messages: dict[str, list] = {}
        for connection, recorded_ns, data in reader.messages():
            assert recorded_ns in {shot.stamp_ns for shot in drive}
            messages.setdefault(connection.topic, []).append(reader.deserialize(data, connection.msgtype))
    topics = {"image_restored", "semantic_mask", "semantic_confidence", "weather", "overlay/compressed"}
    topics |= {f"weather/{name}" for name in ("clear", "fog", "rain", "snow")}
    assert {name: len(found) for name, found in messages.items()} == {f"/restore_node/{t}": 10 for t in topics}
    image, mask = messages["/restore_node/image_restored"][7], messages["/restore_node/semantic_mask"][7]
    expected = np.minimum(np.round(drive[7].image * 1.1), 255)
    assert np.abs(image.data.reshape(drive[7].image.shape) - expected).max() <= 1
    assert (image.encoding, mask.encoding) == ("rgb8", "mono8")
    assert (image.header.frame_id, image.header.stamp.nanosec) == ("front_camera", drive[7].stamp_ns % 1_000_000_000)
    assert set(mask.data) == {0, 1}
    assert messages["/restore_node/weather"][0].status[0].message == "fog"


def test_the_report_says_the_figures_and_shows_the_moments(out: Path) -> None:
    page, metrics = (out / "report.html").read_text(), figures_in(out)
    for weather, row in metrics["weathers"].items():
        assert f'<th scope="row">{weather}</th>' in page
        assert f"{row['psnr_restored']:.1f}" in page
        assert f"{row['miou_base']:.3f}" in page
    assert metrics["model"]["sha256"] in page
    assert "10 of 10" in page
    assert '<p class="verdict good">' in page
    assert "dB won" in page
    moments = page.count('<figure class="moment"')
    assert moments >= 3
    assert page.count("data:image/webp;base64,") == 5 * moments  # camera, restored, mask, and both truths


def test_every_frame_is_measured_without_its_truth(out: Path) -> None:
    measures = json.loads((out / "metrics.json").read_text())["cameras"][0]["runs"][0]["frames"]["measures"]
    assert set(measures) == {measure.key for measure in MEASURES}
    assert all(value is not None for value in measures["edges"]["input"] + measures["edges"]["restored"])
    assert [value is None for value in measures["flicker"]["restored"]] == [True] + [False] * 9
    assert min(measures["change"]["restored"]) > 1


def test_bgr_frames_are_answered_as_bgr(tmp_path: Path, drive: list[Shot], tiny_model: Path) -> None:
    shot = replace(drive[0], image=drive[0].image[:, :, ::-1], encoding="bgr8")
    bag = write_bag(tmp_path / "bag", [shot])
    assert replay(bag, "--out", tmp_path / "out", "--model", tiny_model) == 0
    assert figures_in(tmp_path / "out")["weathers"]["clear"]["psnr_input"] == 100
    with open_reader(tmp_path / "out" / "output_bag") as reader:
        connections = [c for c in reader.connections if c.topic.endswith("image_restored")]
        ((connection, _, data),) = reader.messages(connections=connections)
        assert reader.deserialize(data, connection.msgtype).encoding == "bgr8"


def test_malformed_frames_are_counted_by_reason(tmp_path: Path, drive: list[Shot], tiny_model: Path) -> None:
    broken = [replace(drive[3], fields={"step": 5}), replace(drive[4], encoding="plaid")]
    bag = write_bag(tmp_path / "bag", [*drive[:3], *broken, *drive[5:], drive[9]])
    assert replay(bag, "--out", tmp_path / "out", "--model", tiny_model) == 0
    metrics = figures_in(tmp_path / "out")
    assert metrics["drops"] == {"wrong_step": 1, "unknown_encoding": 1}
    assert (metrics["frames_sent"], metrics["frames_received"]) == (11, 9)
    (camera,) = read_metrics(tmp_path / "out")["cameras"]
    assert camera["frames"]["problem"][2:6] == [None, "wrong_step", "unknown_encoding", None]
    assert camera["runs"][0]["frames"]["state"][2:6] == ["answered", "wrong_step", "unknown_encoding", "answered"]
    assert camera["counts"] == {"recorded": 11, "read": 11, "undecodable": 2, "limited": False, "damaged": False}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "wrong_step" in page
    assert "plaid" in page


def not_finite(outputs: Outputs) -> Outputs:
    return outputs._replace(weather_BK=outputs.weather_BK * np.nan)


def raising(outputs: Outputs) -> Outputs:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("fault", "reason", "told"),
    [
        (not_finite, "non_finite", "weather is not finite: engine inductor, model tiny"),
        (raising, "inference_failed", "RuntimeError: out of memory"),
    ],
)
def test_an_answer_that_cannot_be_true_and_an_engine_s_error_cost_one_frame(
    tmp_path: Path,
    bag: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Outputs], Outputs],
    reason: str,
    told: str,
) -> None:
    """As in the node, which goes on too."""
    calls: list[int] = []

    def fails_once(outputs: Outputs) -> Outputs:
        calls.append(1)
        return fault(outputs) if len(calls) == 5 else outputs

    engine = CopyEngine(open_program(tiny_model), fails_once, "inductor")
    monkeypatch.setattr(Choice, "open", lambda choice: Pipeline(engine))
    assert replay(bag, "--out", tmp_path / "out", "--model", tiny_model) == 0
    (run,) = read_metrics(tmp_path / "out")["cameras"][0]["runs"]
    assert run["frames"]["state"][2:5] == ["answered", reason, "answered"]
    assert run["drop_examples"][reason] == told


def test_without_truth_no_figure_is_invented(tmp_path: Path, drive: list[Shot], tiny_model: Path) -> None:
    plain = [Shot(shot.image, shot.stamp_ns) for shot in drive]
    assert replay(write_bag(tmp_path / "bag", plain), "--out", tmp_path / "out", "--model", tiny_model) == 0
    metrics = figures_in(tmp_path / "out")
    assert metrics["weathers"] == {}
    assert [metrics[key] for key in ("miou_base", "miou_refined", "weather_accuracy", "miou_over")] == [None] * 4
    assert metrics["dominant_weather_frames"] == {"fog": 10}
    assert "without ground truth" in (tmp_path / "out" / "report.html").read_text()


def test_limit_stops_early(tmp_path: Path, bag: Path, tiny_model: Path) -> None:
    assert replay(bag, "--out", tmp_path, "--model", tiny_model, "--limit", 3) == 0
    assert figures_in(tmp_path)["frames_sent"] == 3


def test_label_names_say_what_the_ids_are(tmp_path: Path, bag: Path, tiny_model: Path) -> None:
    arguments = (bag, "--out", tmp_path, "--model", tiny_model, "--label-names", "bright,dark")
    assert replay(*arguments) == 0
    assert figures_in(tmp_path)["weathers"]["clear"]["miou_refined"] < 0.1


def test_results_are_not_overwritten_unless_told(
    tmp_path: Path, bag: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (bag, "--out", tmp_path, "--model", tiny_model, "--limit", 2)
    assert replay(*arguments) == 0
    assert replay(*arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert replay(*arguments, "--force") == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["missing.mcap"], 3), (["drive", "--model", "missing.pt2"], 1), (["drive", "--topic", "/x"], 6)],
)
def test_errors_name_what_is_missing(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    drive: list[Shot],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bag(tmp_path / "drive", drive[:1])
    assert replay(*arguments, "--out", "out") == code
    assert arguments[-1] in capsys.readouterr().err
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_an_unknown_engine_is_refused(
    tmp_path: Path, bag: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(bag, "--out", tmp_path, "--model", tiny_model, "--engine", "steam") == 1
    assert "steam" in capsys.readouterr().err
