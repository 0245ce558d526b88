"""Holds what was read, and what was answered, against what a recording says of itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from weather_perception.replay.exits import ExitCode


def notes_on(source_notes: list[str], recorded: int | None, read: int, limited: bool) -> list[str]:
    """What a person should know about a camera: the source's own notes, and how many frames are missing."""
    if limited or recorded is None or read == recorded:
        return source_notes
    if read < recorded:
        return [f"read {read} of the {recorded} frames that the recording says it has", *source_notes]
    return [f"read {read} frames, though the recording says it has only {recorded}", *source_notes]


def verdict(document: Mapping[str, Any]) -> tuple[ExitCode, list[str]]:
    """The exit code that a finished run deserves, and why, in lines for the terminal."""
    lines = list(_lines(document))
    runs = [run for camera in document["cameras"] for run in camera["runs"]]
    if not any(run["counts"]["answered"] for run in runs):
        return ExitCode.NOTHING_ANSWERED, ["no frame was answered", *lines]
    missing = any(_incomplete(camera) for camera in document["cameras"])
    return ExitCode.INCOMPLETE if missing else ExitCode.DONE, lines


def _incomplete(camera: Mapping[str, Any]) -> bool:
    counts = camera["counts"]
    short = counts["recorded"] is not None and counts["read"] < counts["recorded"] and not counts["limited"]
    return short or bool(counts["damaged"])


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for camera in document["cameras"]:
        for note in camera["notes"]:
            yield f"{camera['name']}: {note}"
        for run in camera["runs"]:
            counts = run["counts"]
            for reason, count in counts["dropped"].items():
                example = run["drop_examples"].get(reason, "")
                yield f"{camera['name']}: {count} of {counts['sent']} frames unanswered, {reason}: {example}"
