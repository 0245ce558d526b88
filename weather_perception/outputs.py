"""One camera's publishers and the messages that they reuse; an output without a subscriber is not computed."""

import importlib
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.msg import Image as ImageMsg

from weather_perception import conversions, diagnostics, qos
from weather_perception.camera_info import CameraInfoInput
from weather_perception.core import compressed
from weather_perception.core.config import NodeConfig
from weather_perception.core.contract import Image, Manifest
from weather_perception.core.pipeline import Perception

# A reliable reader may ask again for any of the last few answers.
_DEPTH = 5
# The share of the class's colour in the overlay.
_TINT = 0.5


Fill = Callable[[ImageMsg, Image, Any], None]
"""Fills a message with an image: `conversions.fill_restored` and its like."""


class ImageOutput:
    """A topic of images and its `/compressed` twin."""

    def __init__(self, node: Node, topic: str, profile: QoSProfile, fill: Fill, lossless: bool = False) -> None:
        self.publishers = (
            qos.publisher(node, ImageMsg, topic, profile),
            qos.publisher(node, CompressedImage, f"{topic}/compressed", profile),
        )
        self._msg, self._small_msg = ImageMsg(), CompressedImage()
        self._fill, self._lossless = fill, lossless

    def wanted(self) -> bool:
        """Whether anyone listens."""
        return any(map(_read, self.publishers))

    def publish(self, image: Image, source: Any, header: Any, quality: int, watch: "Watch") -> None:
        """Publish an image, as those want it who listen; `source` is the last argument of `fill`."""
        raw, small = self.publishers
        if _read(raw):
            self._fill(self._msg, image, source)
            watch.encoded()
            raw.publish(self._msg)
            watch.published()
        if _read(small):
            self._compress(image, header, quality)
            watch.encoded()
            small.publish(self._small_msg)
            watch.published()

    def _compress(self, image: Image, header: Any, quality: int) -> None:
        data = compressed.png(image) if self._lossless else compressed.jpeg(image, quality)
        kind = "png" if self._lossless else "jpeg"
        # As compressed_image_transport writes it, so that its subscribers know the encoding to restore.
        encoding, order = ("rgb8", "bgr8") if image.ndim == 3 else ("mono8", "")
        self._small_msg.format = f"{encoding}; {kind} compressed {order}"
        self._small_msg.header, self._small_msg.data = header, array("B", data)


class Outputs:
    """Publishes one camera's answers; for one thread."""

    def __init__(
        self, node: Node, prefix: str, manifest: Manifest, info: CameraInfoInput, settings: Callable[[], NodeConfig]
    ) -> None:
        """Topics begin with `~/` and the prefix, empty or NAME/."""
        self._node, self._manifest, self._info, self._settings = node, manifest, info, settings
        self._palette = manifest.palette
        profile = qos.keep_last(_DEPTH, qos.RELIABILITY[settings().output_reliability])
        topic = f"~/{prefix}"
        self._restored = ImageOutput(node, f"{topic}image_restored", profile, conversions.fill_restored)
        self._mask = ImageOutput(node, f"{topic}semantic_mask", profile, conversions.fill_mono, lossless=True)
        self._confidence = ImageOutput(
            node, f"{topic}semantic_confidence", profile, conversions.fill_mono, lossless=True
        )
        self._overlay = ImageOutput(node, f"{topic}overlay", profile, conversions.fill_rgb)
        self._camera_info = qos.publisher(node, CameraInfo, f"{topic}camera_info", profile)
        self._weather = qos.publisher(node, DiagnosticArray, f"{topic}weather", profile)
        self._labels = _publish_labels(node, f"{topic}label_info", manifest)
        self._overlay_HW3 = np.empty((0, 0, 3), np.uint8)

    def wanted(self) -> bool:
        """Whether anyone listens to what the model computes."""
        return any(map(_read, self._computed()))

    def publish(self, perception: Perception, source: Any, weather: str) -> Mapping[str, float]:
        """Publish every answer to the frame `source` under its header; returns the seconds by stage."""
        watch, header, quality = Watch(), source.header, self._settings().jpeg_quality
        restored_HW3, labels_HW = perception.restored_HW3, perception.labels_HW
        self._restored.publish(restored_HW3, source, header, quality, watch)
        if _read(self._camera_info) and (info := self._info.at(header)):
            self._camera_info.publish(info)
        self._mask.publish(labels_HW, header, header, quality, watch)
        self._confidence.publish(perception.confidence_HW, header, header, quality, watch)
        if self._overlay.wanted():
            self._overlay.publish(self._tinted(restored_HW3, labels_HW), header, header, quality, watch)
        novelty_warning = self._settings().novelty_warning
        msg = diagnostics.weather_to_msg(perception, self._manifest.name, header, weather, novelty_warning)
        watch.encoded()
        self._weather.publish(msg)
        watch.published()
        return watch.seconds

    def destroy(self) -> None:
        """Remove the publishers."""
        for publisher in (*self._computed(), self._camera_info, self._labels):
            if publisher:
                self._node.destroy_publisher(publisher)

    def _computed(self) -> list[Publisher]:
        images = (self._restored, self._mask, self._confidence, self._overlay)
        return [*(publisher for image in images for publisher in image.publishers), self._weather]

    def _tinted(self, restored_HW3: Image, labels_HW: Image) -> Image:
        """The restored image under the colours of its classes; the array is used again for the next frame."""
        import cv2

        if self._overlay_HW3.shape != restored_HW3.shape:
            self._overlay_HW3 = np.empty(restored_HW3.shape, np.uint8)
        colours_HW3 = np.take(self._palette, labels_HW, axis=0)
        cv2.addWeighted(conversions.packed(restored_HW3), 1 - _TINT, colours_HW3, _TINT, 0, dst=self._overlay_HW3)
        return self._overlay_HW3


class Watch:
    """Adds up the seconds of encoding and publishing."""

    def __init__(self) -> None:
        self.seconds = {"encode": 0.0, "publish": 0.0}
        self._last = time.perf_counter()

    def encoded(self) -> None:
        """The time since the last call went into a message."""
        self._add("encode")

    def published(self) -> None:
        """The time since the last call went into the middleware."""
        self._add("publish")

    def _add(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


def _read(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0


def _publish_labels(node: Node, topic: str, manifest: Manifest) -> Publisher | None:
    """The names of the mask's classes, once for all subscribers, if vision_msgs is installed."""
    try:
        messages = importlib.import_module("vision_msgs.msg")
    except ImportError:
        return None
    classes = [
        messages.VisionClass(class_id=index, class_name=item.name) for index, item in enumerate(manifest.classes)
    ]
    profile = qos.keep_last(1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = qos.publisher(node, messages.LabelInfo, topic, profile)
    publisher.publish(messages.LabelInfo(class_map=classes))
    return publisher
