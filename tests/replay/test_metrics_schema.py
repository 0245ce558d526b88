"""metrics.json keeps its promise: a documented, versioned schema."""

from typing import Any

from jsonschema import Draft202012Validator

from tests.support.metrics import SCHEMA


def nodes(part: Any, path: str = "#") -> list[tuple[str, dict]]:
    """Every subschema that describes a key, with its path."""
    found = []
    for place in ("properties", "$defs"):
        for name, value in part.get(place, {}).items() if isinstance(part, dict) else ():
            found += [(f"{path}/{name}", value), *nodes(value, f"{path}/{name}")]
    return found


def test_the_schema_is_one_and_says_what_every_key_means() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema"]["const"] == 1
    mute = [path for path, node in nodes(SCHEMA) if not {"description", "$ref", "const"} & node.keys()]
    assert [path for path in mute if path.rpartition("/")[2] not in PLAIN] == []


PLAIN = {"p50", "p90", "p95", "p99", "mean", "max", "frames", "sent", "answered"}
"""Keys whose name and the description above them say it all."""
