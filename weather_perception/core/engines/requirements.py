"""Says which toolkits are installed without importing them, and how to install one."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

PACKAGE = "weather_perception"


def missing_modules(modules: tuple[str, ...], extra: str) -> str:
    """Empty where all `modules` are there, else a sentence with the command that installs the extra they are in."""
    absent = [name for name in modules if find_spec(name) is None]
    if not absent:
        return ""
    return f"{', '.join(absent)} not installed; install with `pip install '{PACKAGE}[{extra}]'`"


def versions(*distributions: str) -> str:
    """As in `torch 2.13.0, openvino 2026.1`; one that is not there is `none`."""
    return ", ".join(f"{name} {_version(name)}" for name in distributions)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"
