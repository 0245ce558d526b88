"""The user's `qos_overrides` count, and one that names no topic of the node is reported, as is a misspelt parameter."""

from collections.abc import Callable

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import ReliabilityPolicy

from tests.support.ros import Camera, Observer
from weather_perception.core.config import ConfigError
from weather_perception.node import RestoreNode
from weather_perception.restorer import Restorer

StartNode = Callable[..., RestoreNode]


def test_a_value_that_is_none_is_refused_by_name_before_anything_starts(start_node: StartNode) -> None:
    """rclpy would raise it out of a transition, and swallow it."""
    name = "qos_overrides./image.subscription.reliability"
    with pytest.raises(ConfigError, match=rf"{name}: 'reliabel' is not one of .*reliable, best_effort"):
        start_node(**{name: "reliabel"})


def test_a_transition_that_fails_says_why_and_leaves_nothing_half_done(
    start_node: StartNode, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start_node()
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    with monkeypatch.context() as broken:
        broken.setattr(Restorer, "match", lambda restorer: 1 / 0)
        assert node.trigger_activate() == TransitionCallbackReturn.FAILURE
        text = "cannot activate: ZeroDivisionError"
        assert text in observer.wait_for_status("engine", level="ERROR", message=text)["message"]
    assert not node.active
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS


def test_the_quality_of_service_is_that_of_qos_overrides(
    start_node: StartNode, camera: Camera, observer: Observer
) -> None:
    overrides = {
        "qos_overrides./image.subscription.reliability": "best_effort",
        "qos_overrides./restore_node/image_restored.publisher.depth": 1,
        "qos_overrides./front/image.subscription.depth": 3,
        "modle": "mine.pt2",
    }
    node = start_node(**overrides)  # type: ignore[arg-type]
    observer.wait_for_node()
    camera.wait_for_subscriber()
    observer.wait_for_health(input_reliability="best_effort")
    (restored,) = observer.node.get_publishers_info_by_topic("/restore_node/image_restored")
    assert restored.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert node.get_parameter("qos_overrides./restore_node/image_restored.publisher.depth").value == 1
    text = "qos_overrides./front/image.subscription.depth: no topic of this node"
    assert "did you mean model?" in observer.wait_for_status("setup", level="WARN", message=text)["message"]
