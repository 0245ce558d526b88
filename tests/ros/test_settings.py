"""Parameters change what the node does while it runs, and a change that cannot be made is refused with the reason."""

import dataclasses
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from torch import Tensor

from tests.support.ros import LEVELS, Camera, Observer, Rig, image_msg, spin_until
from tests.support.tiny import export_tiny, tiny_manifest
from weather_perception.core.behaviour import NOVELTY
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.program import save_program
from weather_perception.node import RestoreNode

Module = Callable[[Tensor], Any]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("engine", "torch", "engine takes effect when the node configures: `ros2 lifecycle set NODE deactivate`"),
        ("autostart", False, "read-only"),
        ("on_failure", "panic", "on_failure: 'panic' is not one of silence, passthrough"),
        ("max_age", -1.0, "max_age"),
        ("jpeg_quality", 101, "jpeg_quality"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_with_the_reason(
    rig: Rig, name: str, value: bool | int | float | str, reason: str
) -> None:
    before = rig.node.config
    (result,) = rig.node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert reason in result.reason
    assert rig.node.config == before


def test_a_storm_of_changes_loses_no_frame(rig: Rig) -> None:
    dropped = rig.count("drops_total")
    for step in range(100):
        rig.set(min_confidence=step / 100, jpeg_quality=1 + step, weather_margin=step / 100)
        if step % 10 == 0:
            rig.answer()
    assert rig.node.config.jpeg_quality == 100
    assert rig.count("drops_total") == dropped


def test_frames_that_are_clear_come_back_unchanged_if_told_to(rig: Rig) -> None:
    dark = image_msg(value=10)  # the tiny model sees no weather in the dark
    assert set(rig.answer(dark).data) == {11}
    rig.set(bypass_clear=0.1)
    assert set(rig.answer(dark).data) == {10}
    rig.set(bypass_clear=0.9)
    assert set(rig.answer(dark).data) == {11}


def test_doubtful_pixels_of_the_mask_are_of_unknown_class(rig: Rig) -> None:
    rig.answer(image_msg(value=140))
    assert set(rig.observer.masks[-1].data) == {1}
    rig.set(min_confidence=0.5)
    rig.answer(image_msg(value=140))
    assert set(rig.observer.masks[-1].data) == {255}
    rig.answer(image_msg(value=250))
    assert set(rig.observer.masks[-1].data) == {1}


def test_an_old_frame_is_dropped_by_name_and_a_fresh_one_answered(rig: Rig) -> None:
    rig.set(max_age=60.0)
    rig.camera.send(image_msg(sec=1))
    health = rig.observer.wait_for_health(drops__too_old="1")
    assert health["level"] in ("WARN", "ERROR")
    assert "`max_age` is 60 s" in health["last_drop"]
    fresh = image_msg()
    fresh.header.stamp = rig.camera.node.get_clock().now().to_msg()
    rig.camera.send(fresh)
    rig.observer.wait_for_answers(1)


def raising(module: Module) -> Module:
    return lambda image_BHW3: 1 / 0


def without_an_answer(module: Module) -> Module:
    def run(image_BHW3: Tensor) -> tuple[Tensor, ...]:
        *images, weather_BK, gates_BG = module(image_BHW3)
        return (*images, weather_BK * torch.nan, gates_BG)

    return run


@pytest.mark.parametrize(
    ("fault", "reason", "failure"),
    [
        (raising, "inference_failed", "ZeroDivisionError: division by zero"),
        (without_an_answer, "non_finite", "weather is not finite: engine torch, model tiny"),
    ],
)
def test_the_answer_to_a_failing_model_is_none_or_the_frame_and_it_recovers_by_itself(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Module], Module], reason: str, failure: str
) -> None:
    engine = rig.node._restorer.engine
    assert isinstance(engine, TorchEngine)
    rig.answer()
    with monkeypatch.context() as broken:
        broken.setattr(engine, "_module", fault(engine._module))
        rig.send(image_msg())
        health = rig.observer.wait_for_health(**{f"drops__{reason}": "1"}, level="ERROR")
        assert health["failure"] == failure
        assert f"the model fails: {failure}" in health["message"]

        rig.set(on_failure="passthrough")
        assert set(rig.answer(image_msg(value=100)).data) == {100}
        assert set(rig.observer.confidences[-1].data) == {0}
        assert rig.observer.weathers[-1].status[0].message == "unknown"
        rig.observer.wait_for_health(frames_passed_through="1")
    rig.answer()
    assert rig.observer.wait_for_health(failure="")["level"] == "WARN", "the drops are still recent"


def test_the_reported_weather_stays_until_another_leads_by_the_margin(
    start_node: Callable[..., RestoreNode], camera: Camera, observer: Observer
) -> None:
    rig = Rig(start_node(weather_margin=0.9), camera, observer)
    rig.connect()

    def reported(value: int) -> str:
        rig.answer(image_msg(value=value))
        return str(rig.observer.weathers[-1].status[0].message)

    assert reported(0) == "clear", "in the dark every weather is as probable, and this the first"
    assert reported(100) == "clear", "fog leads by 0.82"
    rig.set(weather_margin=0.8)
    assert reported(100) == "fog"


def test_the_value_that_is_white_scales_a_thermal_image(rig: Rig) -> None:
    thermal = image_msg("mono8", height=48, width=64)
    thermal.encoding, thermal.step = "16UC1", 128
    thermal.data = array("B", array("H", [500]).tobytes() * (48 * 64))
    rig.set(white_16uc1=1000)
    assert set(rig.answer(thermal).data) == {round(500 / 1000 * 255 * 1.1)}


def test_the_quality_of_jpeg_is_the_one_set(rig: Rig) -> None:
    found: list[CompressedImage] = []
    topic = "restore_node/image_restored/compressed"
    subscription = rig.observer.node.create_subscription(CompressedImage, topic, found.append, 10)
    spin_until(rig.executor, lambda: rig.node.count_subscribers(f"/{topic}") > 0, "somebody listens")
    sizes = []
    for quality in (100, 1):
        rig.set(jpeg_quality=quality)
        stamps: list[Time] = []  # of the frames since: a message of an earlier one may still arrive
        while not (matching := [picture for picture in found if picture.header.stamp in stamps]):
            stamps.append(rig.answer().header.stamp)
        sizes.append(len(matching[-1].data))
    rig.observer.node.destroy_subscription(subscription)
    assert sizes[1] < sizes[0]


def test_a_frame_unlike_the_training_data_warns_in_both_messages(
    start_node: Callable[..., RestoreNode], camera: Camera, observer: Observer, tmp_path: Path
) -> None:
    manifest = dataclasses.replace(tiny_manifest(), gates=(NOVELTY, "other"))
    model = save_program(export_tiny(), manifest, tmp_path / "novel.pt2").path
    rig = Rig(start_node(model=str(model), novelty_warning=0.3), camera, observer)
    rig.connect()
    rig.answer(image_msg(value=0))  # in the dark the tiny model's first gate is a quarter
    rig.observer.wait_for_status("routing", level="OK")
    assert LEVELS[rig.observer.weathers[-1].status[0].level] == "OK"
    rig.set(novelty_warning=0.2)
    rig.answer(image_msg(value=0))
    rig.observer.wait_for_status("routing", level="WARN")
    assert LEVELS[rig.observer.weathers[-1].status[0].level] == "WARN"


def test_lazy_it_runs_the_model_only_for_a_subscriber(rig: Rig) -> None:
    rig.set(lazy=True)
    rig.answer()
    name = "restore_node/image_restored"
    watched = [item for item in rig.observer.node.subscriptions if "restore_node/" in item.topic_name]
    for subscription in watched:
        rig.observer.node.destroy_subscription(subscription)
    spin_until(rig.executor, lambda: not rig.node._restorer.cameras[0].outputs.wanted(), "nobody listens")
    rig.send(image_msg())
    health = rig.observer.wait_for_health(drops__no_subscriber="1")
    assert "no_subscriber" not in health["message"], "it is as it should be"

    restored: list[object] = []
    again = rig.observer.node.create_subscription(type(image_msg()), name, restored.append, 10)
    spin_until(rig.executor, rig.node._restorer.cameras[0].outputs.wanted, "somebody listens")
    rig.send(image_msg())
    spin_until(rig.executor, lambda: bool(restored), "the frame is answered")
    rig.observer.node.destroy_subscription(again)
    rig.observer.subscribe()
    rig.connect()


def test_a_forced_reliability_that_cannot_match_is_named(rig: Rig) -> None:
    rig.camera.advertise(ReliabilityPolicy.BEST_EFFORT)
    rig.set(input_reliability="reliable")
    health = rig.observer.wait_for_health(level="ERROR", input_reliability="reliable")
    assert (
        "/camera publishes best effort, this node asks for reliable: set input_reliability to auto"
        in (health["message"])
    )
    rig.set(input_reliability="auto")
    rig.observer.wait_for_health(input_reliability="best_effort")
    rig.connect()
    rig.answer()
    rig.camera.advertise(ReliabilityPolicy.RELIABLE)
    rig.observer.wait_for_health(input_reliability="reliable")
