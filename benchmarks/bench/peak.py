"""Measures the machine's peaks: multiply-adds a second in a large matrix product, bytes a second in a large copy."""

import time
from collections.abc import Callable, Iterable

import torch

_LARGE = {"cpu": 1536, "cuda": 8192}
# Long enough to reach the peak, and a limit for a type without instructions.
_SECONDS = 1.0
_COPIED_NUMBERS = 1 << 26
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.int8}


def multiply_adds_per_s(device: str, precisions: Iterable[str]) -> dict[str, float]:
    """The rate of the fastest of some square matrix products at each precision.

    int8 is left out if PyTorch has no int8 product for the device, or one no faster than fp32's: a product without the
    instructions is no peak to compare an engine with.
    """
    rates = {name: _rate(device, name) for name in precisions if name != "int8"}
    if "int8" in precisions:
        try:
            rate = _rate(device, "int8")
        except RuntimeError:  # no such operator here
            return rates
        if rate > (rates.get("fp32") or _rate(device, "fp32")):
            rates["int8"] = rate
    return rates


def _rate(device: str, precision: str) -> float:
    side = _LARGE[torch.device(device).type]
    left, right = (torch.randn(side, side, device=device).to(_TYPES[precision]) for _ in range(2))
    product = torch._int_mm if precision == "int8" else torch.matmul
    return side**3 / _least_seconds(lambda: product(left, right), device)


def bytes_per_s(device: str) -> float:
    """Bytes read and written by the fastest of some copies of 256 MiB."""
    source = torch.ones(_COPIED_NUMBERS, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _least_seconds(lambda: target.copy_(source), device)


def _least_seconds(run: Callable[[], object], device: str) -> float:
    durations: list[float] = []
    while len(durations) < 2 or sum(durations) < _SECONDS:  # the first warms up, and can't be the fastest
        start = time.perf_counter()
        run()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        durations.append(time.perf_counter() - start)
    return min(durations)
