"""Holds a run's figures against limits, for a team's own CI: --fail-under and the JUnit file."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import ReplayError

Run = Mapping[str, Any]


def _score(key: str) -> Callable[[Run], float | None]:
    """A score over all weathers but clear, or over all frames if the weather is unknown."""
    return lambda run: run["degraded"] and run["degraded"][key]


def _gain(before: str, after: str) -> Callable[[Run], float | None]:
    def gain(run: Run) -> float | None:
        found = (_score(before)(run), _score(after)(run))
        return None if found[0] is None or found[1] is None else found[1] - found[0]

    return gain


def _answered(run: Run) -> float | None:
    return run["counts"]["answered"] / run["counts"]["sent"] if run["counts"]["sent"] else None


FIGURES: Mapping[str, Callable[[Run], float | None]] = {
    "psnr": _score("psnr_restored"),
    "ssim": _score("ssim_restored"),
    "miou": _score("miou_refined"),
    "psnr_gain": _gain("psnr_input", "psnr_restored"),
    "ssim_gain": _gain("ssim_input", "ssim_restored"),
    "miou_gain": _gain("miou_base", "miou_refined"),
    "weather": lambda run: run["all"] and run["all"]["weather_accuracy"],
    "answered": _answered,
    "fps": lambda run: run["speed"]["frames_per_second"],
    "latency_p50": lambda run: run["latency_ms"]["p50"],
    "latency_p95": lambda run: run["latency_ms"]["p95"],
    "latency_p99": lambda run: run["latency_ms"]["p99"],
}
"""Those of latency must not be above their limit, the others not below."""

HELP = (
    f"end with exit code {ExitCode.BELOW_LIMIT} if a figure is worse than its limit, as in psnr=24 latency_p95=60. "
    "Figures: "
    + ", ".join(FIGURES)
    + ". Latencies are in ms; scores are over all weathers but clear, gains are against the input (psnr, ssim) or the "
    "baseline (miou)"
)


@dataclass(frozen=True)
class Limit:
    """The worst value that a figure may have."""

    figure: str
    value: float

    @property
    def is_highest(self) -> bool:
        """Whether a higher value is worse."""
        return self.figure.startswith("latency")

    def __str__(self) -> str:
        return f"{self.figure} {'<=' if self.is_highest else '>='} {self.value:g}"


def limit(text: str) -> Limit:
    """Parse `psnr=24`; raises ArgumentTypeError that names the figures."""
    figure, equals, value = text.partition("=")
    if figure not in FIGURES:
        raise argparse.ArgumentTypeError(f"{figure!r} is no figure; the figures are {', '.join(FIGURES)}")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or number != number:
        raise argparse.ArgumentTypeError(f"expected {figure}=NUMBER, found {text!r}")
    return Limit(figure, number)


def judged(limits: Sequence[Limit], document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every limit for every camera and model, as metrics.json has it. Without a value a limit does not hold."""
    found = []
    for camera in document["cameras"]:
        for run in camera["runs"]:
            for item in limits:
                value = FIGURES[item.figure](run)
                holds = value is not None and (value <= item.value if item.is_highest else value >= item.value)
                names = {"camera": camera["name"], "model": run["model"]}
                found.append({"figure": item.figure, "limit": item.value, "value": value, **names, "passed": holds})
    return found


def in_words(result: Mapping[str, Any]) -> str:
    """As in `psnr is 23.4, needed >= 24: drive.mcap /camera/image_raw, default`."""
    value = "unknown" if result["value"] is None else f"{result['value']:.4g}"
    _, sign, bound = str(Limit(result["figure"], result["limit"])).split()
    return f"{result['figure']} is {value}, needed {sign} {bound}: {result['camera']}, {result['model']}"


def prepare_junit(path: Path) -> None:
    """Make the folder of the JUnit file; raises ReplayError if it cannot be written there, before the work."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReplayError(f"--junit {path}: its folder cannot be made ({error.strerror}); name another file") from error
    if path.is_dir():
        raise ReplayError(f"--junit {path}: this is a folder; name a file in it")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ReplayError(f"--junit {path}: cannot be written; name another file")


def write_junit(path: Path, document: Mapping[str, Any]) -> None:
    """Write the limits, and whether every camera's frames were answered at all, as a JUnit file."""
    results: list[tuple[str, str, str]] = []  # class name, name, message of the failure
    for camera in document["cameras"]:
        for run in camera["runs"]:
            counts = run["counts"]
            problem = "" if counts["answered"] else f"0 of {counts['sent']} frames answered"
            results.append((f"{camera['name']}.{run['model']}", "answers frames", problem))
    for result in document["limits"]:
        name = str(Limit(result["figure"], result["limit"]))
        results.append((f"{result['camera']}.{result['model']}", name, "" if result["passed"] else in_words(result)))
    failures = sum(bool(problem) for _, _, problem in results)
    counts = {"tests": str(len(results)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name="replay", **counts)
    for classname, name, problem in results:
        case = ElementTree.SubElement(suite, "testcase", classname=_printable(classname), name=name)
        if problem:
            ElementTree.SubElement(case, "failure", message=_printable(problem))
    ElementTree.indent(suites)
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """The text without what XML cannot hold: bytes that are no UTF-8, control characters."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
