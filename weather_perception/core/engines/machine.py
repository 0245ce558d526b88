"""Names the device that an engine is bound to, exactly enough that another machine's engine is told apart."""

import hashlib
import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
# Of x86-64, of 64-bit Arm.
_MODEL_KEYS = ("model name", "CPU part")
_FLAG_KEYS = ("flags", "Features")


def device_identity(device: str) -> str:
    """As in `NVIDIA H100 80GB HBM3, capability 9.0` or `AMD EPYC 9R14, x86_64, features 3f1c09aa`."""
    if device.startswith("cuda"):
        import torch

        major, minor = torch.cuda.get_device_capability(device)
        return f"{torch.cuda.get_device_name(device)}, capability {major}.{minor}"
    model, features = _cpu(_cpu_info())
    # Compiled code uses whatever instructions the CPU has, and dies on one that lacks them.
    return f"{model}, {platform.machine()}, features {hashlib.sha256(features.encode()).hexdigest()[:8]}"


def cpu_features() -> frozenset[str]:
    """The CPU's instruction set extensions as Linux names them, as in `avx512_bf16`; empty where nothing names them."""
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
