"""The precisions that are measured where none is asked for: those that a machine and its backends are made for."""

from collections.abc import Iterable

from weather_perception.core.engines.base import Backend
from weather_perception.core.engines.machine import cpu_features

BF16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})
"""As Linux names them: two of x86-64, two of 64-bit Arm."""


def default_precisions(device: str, backends: Iterable[Backend]) -> tuple[tuple[str, ...], list[str]]:
    """The precisions in the order of measuring, and why others are left out, a line each."""
    chosen, left_out = ["fp32"], []
    if device.startswith("cpu") and not BF16_INSTRUCTIONS & cpu_features():
        left_out.append(
            "bf16: this CPU has no instructions for it (/proc/cpuinfo names none of "
            f"{', '.join(sorted(BF16_INSTRUCTIONS))}), so it would be emulated; `--precision bf16` measures it"
        )
    else:
        chosen.insert(0, "bf16")
    if any("int8" in backend.precisions and not backend.missing(device) for backend in backends):
        chosen.insert(0, "int8")
    return tuple(chosen), left_out
