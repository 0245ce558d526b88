"""Answers an Image message: checks it, hands it to the worker, runs the pipeline, publishes and counts."""

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image as ImageMsg

from weather_perception import conversions, diagnostics
from weather_perception.core.config import NodeConfig
from weather_perception.core.contract import Image
from weather_perception.core.engines.base import Engine
from weather_perception.core.health import Health
from weather_perception.core.pipeline import FrameError, Perception, Pipeline
from weather_perception.worker import Worker

RELIABILITY = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
# Drop reasons in addition to conversions.DROP_REASONS.
SUPERSEDED = "superseded"
INFERENCE_FAILED = "inference_failed"
# A reliable reader may ask again for any of the last few answers.
OUTPUT_DEPTH = 5
# A camera that sends only bad frames must not fill the log.
LOG_PERIOD_SECONDS = 5.0


@dataclass(frozen=True)
class Frame:
    """A checked frame on its way to the worker: its message, a view of its pixels, and when it arrived."""

    msg: ImageMsg
    image_HW3: Image
    arrival: float


class Restorer:
    """Answers frames with one engine: `receive` runs in the executor's thread, everything else in the worker's."""

    def __init__(self, node: Node, engine: Engine, config: NodeConfig) -> None:
        self._node = node
        self._pipeline = Pipeline(engine)
        self._outputs = Outputs(node, config.output_reliability)
        self._max_pixels = config.max_frame_pixels
        self.health = Health(engine.manifest.name, engine.model_hash, engine.name)
        self._worker = Worker(self._answer, self._failed)

    def receive(self, msg: ImageMsg) -> None:
        """Check a frame, hand it to the worker, and count the older one that it replaces."""
        arrival = self.health.received()
        try:
            image_HW3 = conversions.image_to_rgb(msg, self._max_pixels)
        except FrameError as error:
            self._drop(error.reason, str(error))
            return
        if self._worker.submit(Frame(msg, image_HW3, arrival)):
            self.health.dropped(SUPERSEDED, "a newer frame arrived before this one was started")

    def _answer(self, frame: Frame) -> None:
        perception = self._pipeline.process(conversions.packed(frame.image_HW3))
        self.health.engine = self._pipeline.engine.name
        self._outputs.publish(perception, frame.msg, self._pipeline.manifest.name)
        self.health.answered(frame.arrival, perception.dominant_weather)

    def _failed(self, frame: Frame, error: Exception) -> None:
        if self._node.context.ok():  # during shutdown the publishers are gone, which is no failure
            reason = error.reason if isinstance(error, FrameError) else INFERENCE_FAILED
            self._drop(reason, f"{type(error).__name__}: {error}")

    def _drop(self, reason: str, message: str) -> None:
        self.health.dropped(reason, message)
        self._node.get_logger().warning(
            f"dropped a frame ({reason}): {message}", throttle_duration_sec=LOG_PERIOD_SECONDS
        )

    def close(self) -> None:
        """Finish the current frame, stop the worker and remove the publishers."""
        self._worker.stop()
        self._outputs.destroy()


class Outputs:
    """The node's publishers and the messages that they reuse; for one thread."""

    def __init__(self, node: Node, reliability: str) -> None:
        qos = keep_last(OUTPUT_DEPTH, RELIABILITY[reliability])
        self._node = node
        self._restored = node.create_publisher(ImageMsg, "~/image_restored", qos)
        self._mask = node.create_publisher(ImageMsg, "~/semantic_mask", qos)
        self._confidence = node.create_publisher(ImageMsg, "~/semantic_confidence", qos)
        self._weather = node.create_publisher(DiagnosticArray, "~/weather", qos)
        self._restored_msg, self._mask_msg, self._confidence_msg = ImageMsg(), ImageMsg(), ImageMsg()

    def publish(self, perception: Perception, source: ImageMsg, model: str) -> None:
        """Publish every answer to one frame under its stamp and frame id; skip images without a subscriber."""
        if _read(self._restored):
            conversions.fill_restored(self._restored_msg, perception.restored_HW3, source)
            self._restored.publish(self._restored_msg)
        if _read(self._mask):
            conversions.fill_mono(self._mask_msg, perception.labels_HW, source.header)
            self._mask.publish(self._mask_msg)
        if _read(self._confidence):
            conversions.fill_mono(self._confidence_msg, perception.confidence_HW, source.header)
            self._confidence.publish(self._confidence_msg)
        self._weather.publish(diagnostics.weather_to_msg(perception, model, source.header))

    def destroy(self) -> None:
        """Remove the publishers."""
        for publisher in (self._restored, self._mask, self._confidence, self._weather):
            self._node.destroy_publisher(publisher)


def _read(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0


def keep_last(depth: int, reliability: ReliabilityPolicy) -> QoSProfile:
    """A queue of the last `depth` messages."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)
