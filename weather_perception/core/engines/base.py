"""What every engine is: a model file made runnable on one machine."""

from typing import Protocol

from weather_perception.core.contract import Image, Manifest, Outputs


class Engine(Protocol):
    """Runs one model file. Not thread-safe: one caller at a time."""

    @property
    def name(self) -> str:
        """The backend's name, as in the `engine` parameter."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model file behind it."""

    @property
    def model_hash(self) -> str:
        """SHA-256 (hex) of the model file behind it."""

    def infer(self, image_BHW3: Image) -> Outputs:
        """Run a batch, uint8 RGB [B, H, W, 3], and return its outputs on the host; any B, H, W >= 1."""
