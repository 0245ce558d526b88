"""Names the machine that a run was made on."""

import importlib.metadata
import os
import platform
from typing import Any
from xml.etree import ElementTree

from weather_perception.core.engines.machine import PACKAGE, device_identity
from weather_perception.core.resources import find_resource


def machine(devices: set[str]) -> dict[str, Any]:
    """The machine as metrics.json describes it; the GPU if one of `devices` may be one."""
    import torch

    gpu = None
    if torch.cuda.is_available() and devices != {"cpu"}:
        gpu = device_identity(next((d for d in sorted(devices) if d.startswith("cuda")), "cuda"))
    return {
        "cpu": device_identity("cpu").partition(",")[0],
        "cores": cores(),
        "memory_gib": _memory_gib(),
        "gpu": gpu,
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def package_version() -> str:
    """The version of this package, installed or in its source tree."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ElementTree.parse(find_resource("package.xml")).findtext("version") or "unknown"


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
