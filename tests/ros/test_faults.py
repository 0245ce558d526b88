"""What goes wrong in a vehicle: each fault is named, costs no good frame, and is over when its cause is."""

import copy
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.context import Context
from rclpy.qos import ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String

from tests.support.ros import Camera, Rig, image_msg, spin_until
from weather_perception.node import TICK_SECONDS

ROOT = Path(__file__).parents[2]


def test_a_camera_that_falls_silent_is_stale_at_once_and_its_return_ok_at_once(rig: Rig) -> None:
    rig.answer()
    rig.set(input_timeout=0.3, diagnostics_period=60.0)  # within the test, only a change of level is published
    rig.camera.fall_silent()
    rig.observer.wait_for_health(level="STALE")
    rig.set(diagnostics_period=0.1)
    rig.observer.wait_for_health(message="no frame for ")
    rig.observer.wait_for_health(message="nothing publishes /image")
    rig.set(diagnostics_period=60.0)
    rig.camera.advertise(ReliabilityPolicy.RELIABLE)
    rig.connect()
    rig.answer()
    rig.observer.wait_for_health(level="OK")


def test_a_publisher_that_sends_nothing_is_named_with_what_may_be_wrong(rig: Rig) -> None:
    rig.set(input_timeout=0.1)
    rig.camera.advertise(ReliabilityPolicy.BEST_EFFORT)
    health = rig.observer.wait_for_health(level="STALE", message="/camera publishes, but nothing arrives")
    assert "Transport in docs/node.md" in health["message"]
    rig.camera.advertise(ReliabilityPolicy.RELIABLE)
    rig.observer.wait_for_health(input_reliability="reliable")


def test_it_follows_the_reliability_of_the_publisher(rig: Rig) -> None:
    rig.observer.wait_for_health(input_reliability="reliable", input_publishers="1", input_topic="/image")
    rig.camera.advertise(ReliabilityPolicy.BEST_EFFORT)
    rig.observer.wait_for_health(input_reliability="best_effort")
    rig.connect()
    rig.answer()
    rig.camera.advertise(ReliabilityPolicy.RELIABLE)
    rig.observer.wait_for_health(input_reliability="reliable")


def test_a_topic_of_another_type_is_named_with_its_publisher(rig: Rig) -> None:
    rig.camera.fall_silent()
    elsewhere = Context()  # one process cannot have a topic with two types
    rclpy.init(context=elsewhere)
    node = rclpy.create_node("radio", context=elsewhere)
    node.create_publisher(String, "image", 10)
    health = rig.observer.wait_for_health(level="ERROR", message="/image is std_msgs/msg/String, by /radio")
    assert "an Image or CompressedImage is needed" in health["message"]
    node.destroy_node()
    elsewhere.shutdown()
    rig.camera.advertise(ReliabilityPolicy.RELIABLE)
    rig.connect()
    rig.answer()


def test_two_publishers_of_a_topic_are_named_and_both_answered(rig: Rig) -> None:
    other = Camera(rig.executor)
    rig.observer.wait_for_health(level="WARN", message="2 publishers on /image: /camera, /camera")
    other.wait_for_subscriber()
    lost = rig.count("lost_before_node")
    other.send(image_msg(sec=501))
    spin_until(rig.executor, lambda: any(m.header.stamp.sec == 501 for m in rig.observer.restored), "it is answered")
    rig.answer()
    assert rig.count("lost_before_node") == lost, "each publisher counts its own messages"
    other.node.destroy_node()
    rig.observer.wait_for_health(input_publishers="1")


def test_a_clock_that_jumps_back_stops_nothing(rig: Rig) -> None:
    clock = rig.camera.node.create_publisher(Clock, "/clock", 10)
    rig.set(use_sim_time=True, max_age=10.0)
    spin_until(rig.executor, lambda: clock.get_subscription_count() > 0, "the node listens to the clock")
    for now in (900, 100, 101):  # a bag that starts again
        msg = Clock()
        msg.clock.sec = now
        clock.publish(msg)
        spin_until(rig.executor, lambda now=now: rig.node.get_clock().now().nanoseconds == now * 10**9, "time has come")
        frame = image_msg(sec=now - 1)
        rig.camera.send(frame)
        spin_until(
            rig.executor,
            lambda now=now: any(item.header.stamp.sec == now - 1 for item in rig.observer.restored),
            f"the frame of {now - 1} s is answered",
        )
        rig.observer.forget()
        assert 900 < float(rig.observer.wait_for_health(level="OK")["frame_age_ms"]) < 1100
    rig.set(use_sim_time=False)
    rig.camera.node.destroy_publisher(clock)


def settled(rig: Rig) -> bool:
    return rig.count("frames_answered") + rig.count("drops_total") == rig.count("frames_received")


def test_ten_times_too_fast_every_frame_is_accounted_for_and_the_newest_answered(rig: Rig) -> None:
    rig.answer()
    counted = ("frames_received", "lost_before_node")
    before = sum(map(rig.count, counted))
    frame = image_msg(height=480, width=640)
    for _ in range(100):
        newest = rig.send(frame)
    spin_until(rig.executor, lambda: sum(map(rig.count, counted)) == before + 100, "every frame is accounted for")
    spin_until(rig.executor, lambda: settled(rig), "the last frame is answered")
    assert rig.count("superseded") + rig.count("lost_before_node") > 0, "it was too fast"
    restored = rig.observer.restored
    last = newest.header.stamp.sec
    spin_until(rig.executor, lambda: restored[-1].header.stamp.sec == last, "the newest frame's answer arrives")
    stamps = [msg.header.stamp.sec for msg in restored]
    assert stamps == sorted(stamps)
    rig.observer.forget()
    rig.observer.wait_for_health(level="OK")  # that is normal under load


MOST_PIXELS = 10_000
GREY = image_msg("mono8", height=8, width=8)
WHOLE = serialize_message(GREY)

Message = Image | bytes


def grey(**fields: Any) -> Image:
    """The good frame with other fields; `sec` and `nanosec` are its stamp's."""
    msg = copy.deepcopy(GREY)
    for name, value in fields.items():
        setattr(msg.header.stamp if name in ("sec", "nanosec") else msg, name, value)
    return msg


def counted_as(reason: str, messages: st.SearchStrategy[Message]) -> st.SearchStrategy[tuple[str, Message]]:
    return messages.map(lambda message: (reason, message))


def with_field(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return values.map(lambda value: grey(**{name: value}))


# Bad messages, with the reason for which the node must drop them.
bad = st.one_of(
    counted_as("malformed", st.integers(0, len(WHOLE) - 1).map(lambda size: WHOLE[:size])),
    counted_as("malformed", st.binary(max_size=19)),  # a stamp, two sizes and an empty text take 20 bytes
    counted_as("malformed", with_field("encoding", st.integers(1025, 5000).map(lambda length: "x" * length))),
    counted_as("bad_stamp", with_field("sec", st.integers(-(2**31), -1))),
    counted_as("bad_stamp", with_field("nanosec", st.integers(10**9, 2**32 - 1))),
    counted_as("zero_size", st.sampled_from(["height", "width"]).map(lambda name: grey(**{name: 0}))),
    counted_as("too_large", st.integers(MOST_PIXELS // 8 + 1, 8192).map(lambda width: grey(width=width))),
    counted_as("outside_model", st.integers(8193, MOST_PIXELS).map(lambda height: grey(height=height, width=1))),
    counted_as("wrong_step", with_field("step", st.integers(0, 7))),
    counted_as("truncated_data", with_field("data", st.binary(max_size=63).map(partial(array, "B")))),
    counted_as("wrong_size", with_field("data", st.binary(min_size=65, max_size=200).map(partial(array, "B")))),
    counted_as("unknown_encoding", with_field("encoding", st.text("abcxyz", max_size=8))),
)


def test_of_a_thousand_bad_messages_each_is_counted_by_its_reason_and_every_good_one_answered(rig: Rig) -> None:
    rig.set(max_frame_pixels=MOST_PIXELS)
    reasons: Counter[str] = Counter()
    before = rig.report()

    def come(send: Callable[[Any], None], message: Message) -> None:
        """The subscription is one message deep: a second one would displace a message that the node has not taken."""
        received = rig.count("frames_received")
        send(message)
        spin_until(rig.executor, lambda: rig.count("frames_received") > received, "the message came")

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(bad, min_size=20, max_size=20), st.integers(0, 20))
    def send_among(messages: list[tuple[str, Message]], place: int) -> None:
        good = grey()
        for _, message in messages[:place]:
            come(rig.camera.send, message)
        come(rig.send, good)
        for _, message in messages[place:]:
            come(rig.camera.send, message)
        reasons.update(reason for reason, _ in messages)
        rig.wait_for(good)
        rig.observer.forget()

    send_among()
    counted = Counter(rig.report().drops) - Counter(before.drops)
    assert counted == reasons
    assert counted.total() >= 1000
    assert len(counted) == 9


CAMERA_HZ = 20
# A camera driver in a process of its own.
CAMERA = f"""
import time
import rclpy
from sensor_msgs.msg import Image
from tests.support.ros import TOPIC, image_msg

rclpy.init()
publisher = rclpy.create_node("driver").create_publisher(Image, TOPIC, 1)
while True:
    publisher.publish(image_msg())
    time.sleep(1 / {CAMERA_HZ})
"""


@contextmanager
def driver() -> Iterator[None]:
    """A camera driver, which is killed in the end."""
    process = subprocess.Popen([sys.executable, "-c", CAMERA], cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


# The last test, because the middleware lists a killed publisher for 20 s more.
def test_a_camera_whose_driver_is_killed_is_stale_in_two_seconds_and_ok_in_one_after_its_restart(rig: Rig) -> None:
    rig.camera.fall_silent()
    observer = rig.observer
    with driver():
        observer.wait_for_health(level="OK")  # it may yet wait for the first frame
        spin_until(observer.executor, lambda: int(observer.healths()[-1]["frames_received"]) > 0, "a frame arrived")
        observer.forget()
    received = int(rig.observer.wait_for_health(level="STALE")["frames_received"])
    timeout = rig.node.config.input_timeout
    assert timeout + TICK_SECONDS < 2
    for health in rig.observer.healths():
        assert (health["level"] == "STALE") == (float(health["seconds_since_input"]) > timeout)
    with driver():
        health = rig.observer.wait_for_health(level="OK")
        assert int(health["frames_received"]) - received <= CAMERA_HZ, "that took longer than a second"
        assert health["input_publishers"] == "2", "the middleware still lists the one that was killed"
