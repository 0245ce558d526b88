"""What this machine has: the device that an engine is bound to, and the toolkits that are installed."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "weather_perception"

_CPU_INFO = Path("/proc/cpuinfo")
# On x86-64, on 64-bit Arm.
_MODEL_KEYS = ("model name", "CPU part")
_FLAG_KEYS = ("flags", "Features")


def device_identity(device: str) -> str:
    """Names a device exactly enough to tell another machine's engine apart.

    As in `NVIDIA H100 80GB HBM3, capability 9.0` or `AMD EPYC 9R14, x86_64, features 3f1c09aa`.
    """
    if device.startswith("cuda"):
        import torch

        major, minor = torch.cuda.get_device_capability(device)
        return f"{torch.cuda.get_device_name(device)}, capability {major}.{minor}"
    model, features = _cpu(_cpu_info())
    # Compiled code uses whatever instructions the CPU has, and dies on one that lacks them.
    return f"{model}, {platform.machine()}, features {hashlib.sha256(features.encode()).hexdigest()[:8]}"


def cpu_features() -> frozenset[str]:
    """The CPU's instruction set extensions as Linux names them, as in `avx512_bf16`; empty if it names none."""
    return frozenset(_cpu(_cpu_info())[1].split())


def _cpu_info() -> str:
    return _CPU_INFO.read_text() if _CPU_INFO.is_file() else ""


def _cpu(info: str) -> tuple[str, str]:
    """The model and its instruction set extensions, in a fixed order, of the first core in /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in info.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    model = next((fields[key] for key in _MODEL_KEYS if key in fields), platform.processor() or "unknown CPU")
    features = next((fields[key] for key in _FLAG_KEYS if key in fields), "")
    return model, " ".join(sorted(features.split()))


def missing_modules(modules: tuple[str, ...], extra: str) -> str:
    """Empty if all `modules` are installed, else the command that installs their extra; imports none of them."""
    absent = [name for name in modules if find_spec(name) is None]
    if not absent:
        return ""
    return f"{', '.join(absent)} not installed; install with `pip install '{PACKAGE}[{extra}]'`"


def versions(*distributions: str) -> str:
    """As in `torch 2.13.0, openvino 2026.1`; a missing one is `none`."""
    return ", ".join(f"{name} {_version(name)}" for name in distributions)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"
