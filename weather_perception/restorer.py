"""Answers the frames of all cameras with one engine: checks them, hands them to the worker, publishes and counts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rclpy.node import Node

from weather_perception import cdr, conversions, loading
from weather_perception.camera_info import CameraInfoInput
from weather_perception.core import behaviour, compressed
from weather_perception.core.behaviour import WeatherHold
from weather_perception.core.config import NodeConfig
from weather_perception.core.contract import Image
from weather_perception.core.engines.base import Engine
from weather_perception.core.health import Health
from weather_perception.core.pipeline import INFERENCE_FAILED, FrameError, OutputError, Perception, Pipeline
from weather_perception.inputs import Input
from weather_perception.outputs import Outputs
from weather_perception.worker import Mailbox, Worker

INPUT_TOPIC, INFO_TOPIC = "image", "camera_info"
# Drop reasons in addition to conversions.DROP_REASONS.
SUPERSEDED = "superseded"
NO_SUBSCRIBER = "no_subscriber"
TOO_OLD = "too_old"
PUBLISH_FAILED = "publish_failed"
# A camera that sends only bad frames must not fill the log, nor a bad frame a line of it.
_LOG_PERIOD_SECONDS = 5.0
_MOST_WORDS = 300


@dataclass(frozen=True)
class Frame:
    """A checked frame on its way to the worker; `pixels` gives its image, a view of the message or decoded now."""

    camera: "Camera"
    source: cdr.RawImage
    pixels: Callable[[], Image]
    arrival: float
    checking_seconds: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.source.height, self.source.width


@dataclass
class Camera:
    """What the node keeps for each camera; `last` is its newest answer and the weather reported with it."""

    name: str
    input: Input
    info: CameraInfoInput
    outputs: Outputs
    health: Health
    hold: WeatherHold = field(default_factory=WeatherHold)
    last: tuple[Perception, str] | None = None


class Restorer:
    """Answers frames: `match` and `receive` run in the executor's thread, everything else in the worker's."""

    def __init__(self, node: Node, engine: Engine, settings: Callable[[], NodeConfig]) -> None:
        self._node, self._settings = node, settings
        self._pipeline = Pipeline(engine)
        self.cameras = [self._camera(name, engine) for name in settings().cameras]
        self._by_name = {camera.name: camera for camera in self.cameras}
        most = min(len(self.cameras), settings().max_batch or engine.at_once)
        self._mailbox: Mailbox[Frame] = Mailbox(
            len(self.cameras), most, wait=lambda: settings().batch_wait, alike=lambda frame: frame.size
        )
        self._worker = Worker(self._answer, self._failed, self._mailbox)

    @property
    def engine(self) -> Engine:
        """The engine in use."""
        return self._pipeline.engine

    def match(self) -> None:
        """Follow the publishers of every camera."""
        for camera in self.cameras:
            camera.input.match()
            camera.info.match()

    def unsubscribe(self) -> None:
        """Leave the cameras alone; frames under way are still answered."""
        for camera in self.cameras:
            camera.input.close()
            camera.info.close()

    def close(self) -> None:
        """Finish the current frames, stop the worker and what the engine does beside it, and remove the publishers."""
        self.unsubscribe()
        self._worker.close()
        loading.close(self.engine)  # a frame may be waiting for its engine to be built
        self._worker.join()
        for camera in self.cameras:
            camera.outputs.destroy()

    def _camera(self, name: str, engine: Engine) -> Camera:
        prefix = f"{name}/" if name else ""
        health = Health(engine.manifest.name, engine.model_hash, engine.name)
        receive = partial(self._receive, name)
        camera_input = Input(self._node, prefix + INPUT_TOPIC, self._settings, receive, health.lost)
        info = CameraInfoInput(self._node, f"{prefix}{INFO_TOPIC}", camera_input.topic)
        outputs = Outputs(self._node, prefix, engine.manifest, info, self._settings)
        return Camera(name, camera_input, info, outputs, health)

    def _receive(self, name: str, data: bytes, is_compressed: bool) -> None:
        """Check a frame, hand it to the worker, and count the older one that it replaces."""
        camera = self._by_name[name]
        arrival, start = camera.health.received(), time.perf_counter()
        try:
            source, pixels = self._compressed(data) if is_compressed else self._raw(data)
        except FrameError as error:
            self._drop(camera, error.reason, str(error))
            return
        except Exception as error:  # whatever a message does to us, the next one is answered
            self._drop(camera, "malformed", _said(error))
            return
        frame = Frame(camera, source, pixels, arrival, time.perf_counter() - start)
        if self._worker.submit(name, frame):
            camera.health.dropped(SUPERSEDED, "a newer frame arrived before this one was started")

    def _raw(self, data: bytes) -> tuple[cdr.RawImage, Callable[[], Image]]:
        source = cdr.read_image(data)
        self._check(source.header.stamp, source.height, source.width)
        view_HW3 = conversions.image_to_rgb(source, white=self._settings().white_16uc1)
        return source, lambda: view_HW3

    def _compressed(self, data: bytes) -> tuple[cdr.RawImage, Callable[[], Image]]:
        """The compressed picture as the source of its answer, whose encoding is the one before the compression."""
        message = cdr.read_compressed(data)
        conversions.check_stamp(message.header.stamp)
        height, width = compressed.size_of(message.data)
        self._check(message.header.stamp, height, width)
        encoding = conversions.encoding_before(message.format)
        source = cdr.RawImage(message.header, height, width, encoding, 0, 0, message.data)
        return source, partial(compressed.decode_message, message.data, message.format)

    def _check(self, stamp: Any, height: int, width: int) -> None:
        """Refuse a frame by its fields alone, before its pixels use memory."""
        conversions.check_stamp(stamp)
        conversions.check_size(height, width, self._settings().max_frame_pixels)
        self._pipeline.check_size(height, width)

    def _answer(self, frames: list[Frame]) -> None:
        begun = self._now()
        ready = [(frame, image_HW3) for frame in frames if (image_HW3 := self._image(frame)) is not None]
        if not ready:
            return
        decoded = self._now()
        try:
            answers = self._pipeline.process_batch([image_HW3 for _, image_HW3 in ready])
        except Exception as error:  # an engine raises anything
            for frame, image_HW3 in ready:
                self._guarded(frame, self._fail, image_HW3, INFERENCE_FAILED, _said(error))
            return
        inferred = self._now()
        for (frame, image_HW3), answer in zip(ready, answers, strict=True):
            if isinstance(answer, OutputError):
                self._guarded(frame, self._fail, image_HW3, answer.reason, str(answer))
                continue
            stages = {
                "decode": frame.checking_seconds + decoded - begun,
                "queue": begun - frame.arrival - frame.checking_seconds,
                "infer": inferred - decoded,
            }
            self._guarded(frame, self._succeed, image_HW3, answer, stages)

    def _image(self, frame: Frame) -> Image | None:
        """The frame as the engine takes it; None, with the reason counted, if it need not or cannot be answered."""
        config = self._settings()
        if config.lazy and not frame.camera.outputs.wanted():
            frame.camera.health.dropped(NO_SUBSCRIBER, "nobody subscribes to an output")
            return None
        age = self._age(frame)
        if config.max_age and age is not None and age > config.max_age:
            self._drop(frame.camera, TOO_OLD, f"its stamp is {age:.3f} s old, `max_age` is {config.max_age:g} s")
            return None
        try:
            return conversions.packed(frame.pixels())
        except FrameError as error:
            self._drop(frame.camera, error.reason, str(error))
        except Exception as error:  # whatever a message does to us, the other cameras' frames are answered
            self._drop(frame.camera, "undecodable", _said(error))
        return None

    def _guarded(self, frame: Frame, answer: Callable[..., None], *arguments: Any) -> None:
        """Answer one frame; an answer that cannot be published costs no other camera its own."""
        try:
            answer(frame, *arguments)
        except Exception as error:
            if self._node.context.ok():
                self._drop(frame.camera, PUBLISH_FAILED, _said(error))

    def _succeed(self, frame: Frame, image_HW3: Image, perception: Perception, stages: Mapping[str, float]) -> None:
        """Publish the model's answer to a frame, and count it."""
        config, health = self._settings(), frame.camera.health
        health.engine = self.engine.name
        perception = behaviour.apply(perception, image_HW3, config)
        weather, seconds = self._publish(frame, perception, config.weather_margin)
        health.answered(frame.arrival, weather, {**stages, **seconds}, self._age(frame))

    def _fail(self, frame: Frame, image_HW3: Image, reason: str, message: str) -> None:
        """Answer a frame on which the model failed as `on_failure` says, and count it."""
        if not self._node.context.ok():  # during shutdown the publishers are gone, which is no failure
            return
        passed = self._settings().on_failure == "passthrough"
        if passed:
            self._publish(frame, behaviour.unchanged(image_HW3, self._pipeline.manifest), 0.0)
        frame.camera.health.failed(reason, _short(message), passed)
        self._log_drop(frame.camera, reason, message)

    def _publish(self, frame: Frame, perception: Perception, margin: float) -> tuple[str, Mapping[str, float]]:
        """Publish an answer; returns the weather reported with it, and the seconds by stage."""
        camera = frame.camera
        weather = camera.hold.update(perception, margin)
        seconds = camera.outputs.publish(perception, frame.source, weather)
        camera.last = (perception, weather)
        return weather, seconds

    def _failed(self, frames: list[Frame], error: Exception) -> None:
        """The worker has an error, which does not stop the next frame."""
        if self._node.context.ok():
            for frame in frames:
                frame.camera.health.failed(INFERENCE_FAILED, _short(_said(error)))
                self._log_drop(frame.camera, INFERENCE_FAILED, _said(error))

    def _drop(self, camera: Camera, reason: str, message: str) -> None:
        camera.health.dropped(reason, _short(message))
        self._log_drop(camera, reason, message)

    def _log_drop(self, camera: Camera, reason: str, message: str) -> None:
        of = f" of {camera.name}" if camera.name else ""
        self._node.get_logger().warning(
            f"dropped a frame{of} ({reason}): {_short(message)}", throttle_duration_sec=_LOG_PERIOD_SECONDS
        )

    def _age(self, frame: Frame) -> float | None:
        """Seconds since the frame's stamp; None while the node's clock does not run, as before the first /clock."""
        now = self._node.get_clock().now().nanoseconds
        stamp = frame.source.header.stamp
        return now / 1e9 - stamp.sec - stamp.nanosec / 1e9 if now else None

    def _now(self) -> float:
        return self.cameras[0].health.now()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _short(message: str) -> str:
    return message if len(message) <= _MOST_WORDS else message[:_MOST_WORDS] + "..."
