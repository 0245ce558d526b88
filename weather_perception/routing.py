"""The content of a ~/weather message, from a perception and back; for message types of rclpy and of rosbags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weather_perception.core.pipeline import Perception

STATUS = "weather"
"""The name of the message's one status."""
WEATHER_PREFIX = "weather."
GATE_PREFIX = "gate."


@dataclass(frozen=True)
class WeatherReading:
    """One frame's routing as its ~/weather message gives it; probabilities and gates by name."""

    model: str
    dominant: str
    weather: Mapping[str, float]
    gates: Mapping[str, float]


def routing_values(perception: Perception) -> dict[str, str]:
    """The keys and values of the status: every weather's probability and every gate."""
    numbers = {WEATHER_PREFIX + name: value for name, value in perception.weather.items()}
    numbers |= {GATE_PREFIX + name: value for name, value in perception.gates.items()}
    return {key: f"{value:.6f}" for key, value in numbers.items()}


def weather_from_msg(msg: Any) -> WeatherReading:
    """Read a ~/weather message back; raises ValueError for any other message."""
    status = next((status for status in msg.status if status.name == STATUS), None)
    if status is None:
        raise ValueError(f"the message has no diagnostic status named {STATUS!r}")
    values = {item.key: item.value for item in status.values}
    return WeatherReading(
        model=status.hardware_id,
        dominant=status.message,
        weather={key: float(value) for key, value in below(WEATHER_PREFIX, values).items()},
        gates={key: float(value) for key, value in below(GATE_PREFIX, values).items()},
    )


def below(prefix: str, values: Mapping[str, str]) -> dict[str, str]:
    """The values whose key begins with `prefix`, by the rest of the key."""
    return {key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)}
