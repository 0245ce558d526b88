"""The node over real DDS: every frame is answered or its drop is named, and nothing stops it."""

import re
import threading
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from sensor_msgs.msg import Image

from tests.support.ros import CHANNELS, DEADLINE_SECONDS, Rig, image_msg, spin_until
from weather_perception.core.contract import Outputs
from weather_perception.routing import weather_from_msg

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("encoding", CHANNELS)
def test_answers_in_the_encoding_stamp_and_frame_id_of_the_frame(rig: Rig, encoding: str) -> None:
    sent = image_msg(encoding, value=100)
    restored = rig.answer(sent)
    assert (restored.header, restored.encoding, restored.step) == (sent.header, encoding, sent.step)
    pixels = np.frombuffer(restored.data, np.uint8).reshape(48, 64, CHANNELS[encoding])
    assert (pixels[..., :3] == 110).all()  # the tiny model brightens by a tenth
    assert (pixels[..., 3:] == 100).all()  # alpha is the camera's
    observer = rig.observer
    for mask in (observer.masks[0], observer.confidences[0]):
        assert (mask.header, mask.encoding, mask.height, mask.width, mask.step) == (sent.header, "mono8", 48, 64, 64)
    assert observer.weathers[0].header == sent.header
    reading = weather_from_msg(observer.weathers[0])
    assert (reading.model, reading.dominant) == ("tiny", "fog")
    assert sum(reading.weather.values()) == pytest.approx(1, abs=1e-4)
    assert set(reading.gates) == {"decoder.clear", "decoder.fog"}


def with_(msg: Image, **fields: object) -> Image:
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


MALFORMED = {
    "zero_size": lambda: with_(image_msg(), height=0),
    "wrong_step": lambda: with_(image_msg(), step=10),
    "truncated_data": lambda: with_(image_msg(), data=image_msg().data[:-1]),
    "wrong_size": lambda: with_(image_msg(), height=40),
    "unknown_encoding": lambda: with_(image_msg(), encoding="32FC7"),
    "malformed": lambda: with_(image_msg(), encoding="x" * 60_000),
    "bad_stamp": lambda: image_msg(sec=-1),
    "too_large": lambda: image_msg(height=101, width=100),
    "outside_model": lambda: image_msg("mono8", height=8193, width=1),
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_names_and_counts_a_malformed_frame_and_answers_the_next(rig: Rig, reason: str) -> None:
    rig.set(max_frame_pixels=10_000)
    before = rig.count(reason)
    rig.camera.send(MALFORMED[reason]())
    health = rig.observer.wait_for_health(**{f"drops__{reason}": str(before + 1)})
    assert health["level"] in ("WARN", "ERROR")
    assert f"{reason} {before + 1}" in health["message"]
    assert health["last_drop"].startswith(f"{reason}: ")
    assert len(health["last_drop"]) < 400
    rig.answer()


def test_follows_a_change_of_resolution(rig: Rig) -> None:
    sizes = [(48, 64), (97, 131), (1, 1), (48, 64)]
    restored = [rig.answer(image_msg(height=height, width=width)) for height, width in sizes]
    for topic in (restored, rig.observer.masks, rig.observer.confidences):
        assert [(msg.height, msg.width) for msg in topic] == sizes
    assert [len(msg.data) for msg in restored] == [3 * height * width for height, width in sizes]


def test_reports_model_engine_rates_latency_stages_and_routing(rig: Rig) -> None:
    rig.answer(image_msg(value=200))
    rig.observer.forget()
    health = rig.observer.wait_for_health(engine="torch")
    assert (health["model_name"], health["dominant_weather"]) == ("tiny", "fog")
    assert len(health["model_hash"]) == 64
    assert float(health["output_rate_hz"]) > 0
    for stage in ("decode", "queue", "infer", "encode", "publish"):
        p50, p95, p99 = (float(health[f"stage.{stage}_p{percent}_ms"]) for percent in (50, 95, 99))
        assert 0 <= p50 <= p95 <= p99 <= float(health["latency_p99_ms"])
    assert float(health["frame_age_ms"]) > 0
    names = [status.name for status in rig.observer.diagnostics[-1].status]
    assert names == [f"restore_node: {what}" for what in ("lifecycle", "engine", "setup", "health", "routing")]
    routing = rig.observer.status("routing")
    assert (routing["level"], routing["dominant_weather"], routing["novelty"]) == ("OK", "fog", "none")
    assert 0 < float(routing["probability"]) < 1
    assert 0 < float(routing["entropy"]) < 1
    assert "gate.decoder.fog" in routing
    assert rig.observer.status("engine")["serving"] == "torch"


def test_while_busy_it_drops_the_older_frames_and_then_answers_the_newest(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    engine = rig.node._restorer.engine
    infer = engine.infer

    def infer_when_told(image_BHW3: np.ndarray) -> Outputs:
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)
        return infer(image_BHW3)

    superseded = rig.count("superseded")
    with monkeypatch.context() as slow:
        slow.setattr(engine, "infer", infer_when_told)
        sent = [rig.send(image_msg())]
        spin_until(rig.executor, begun.is_set, "the first frame is in work")
        for _ in range(3):
            received = rig.count("frames_received")
            sent.append(rig.send(image_msg()))
            spin_until(rig.executor, lambda before=received: rig.count("frames_received") > before, "the node has it")
        health = rig.observer.wait_for_health(drops__superseded=str(superseded + 2))
        assert "superseded" not in health["message"], "it is normal under load"
        go_on.set()
        rig.observer.wait_for_answers(2)
    stamps = [msg.header.stamp for msg in rig.observer.restored]
    assert stamps == [sent[0].header.stamp, sent[3].header.stamp]


def test_the_security_policy_names_every_topic_and_service_of_the_node(rig: Rig) -> None:
    def named(kind: str, **rule: str) -> set[str]:
        (entries,) = [item for item in profile.iter(f"{kind}s") if rule.items() <= item.attrib.items()]
        return {(item.text or "").replace("~", "/restore_node") for item in entries.iter(kind)}

    profile = ElementTree.parse(ROOT / "config/sros2_policy.xml")
    node = rig.node
    published = {publisher.topic_name for publisher in node.publishers} | {"/restore_node/transition_event", "/rosout"}
    assert published | {"/restore_node/label_info"} == named("topic", publish="ALLOW")
    services = {name for name, _ in node.get_service_names_and_types_by_node("restore_node", "/")}
    assert services - {"/restore_node/get_type_description"} <= named("service", reply="ALLOW")
    (camera,) = node._restorer.cameras
    assert camera.input.topics | {camera.info.topic, "/clock"} == named("topic", subscribe="ALLOW")


def test_the_documentation_has_every_topic_that_the_node_publishes_and_no_other(rig: Rig) -> None:
    section = (ROOT / "docs/node.md").read_text().partition("\n## Topics\n")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| `([~/][^`]+)` \| \w+/(\w+)", section, re.MULTILINE))
    ours = ("~/", "/diagnostics")
    published = {
        (publisher.topic_name.replace("/restore_node", "~"), publisher.msg_type.__name__)
        for publisher in rig.node.publishers
        if not publisher.topic_name.endswith("/compressed")  # the text says that every image has one
    }
    assert {row for row in published if row[0].startswith(ours)} | {("~/label_info", "LabelInfo")} == rows


def test_deactivated_it_leaves_the_camera_alone_and_activated_again_it_answers(rig: Rig) -> None:
    def wait_for_state(state: str) -> None:
        spin_until(rig.executor, lambda: rig.observer.lifecycle() == state, f"/diagnostics says {state}")

    node, publisher = rig.node, rig.camera.publisher
    wait_for_state("active")
    node.trigger_deactivate()
    spin_until(rig.executor, lambda: publisher.get_subscription_count() == 0, "the node unsubscribed")
    wait_for_state("inactive")
    node.trigger_cleanup()
    wait_for_state("unconfigured")
    node.trigger_configure()
    node.trigger_activate()
    rig.connect()
    rig.answer()
