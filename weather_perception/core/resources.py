"""Finds the files that come with the package (models, configuration), installed or in the source tree.

The model file is the one that a setting names, else the one that comes with the package.
"""

import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "weather_perception"


def find_resource(relative: str) -> Path:
    """The first existing `relative` (as in `models/default.pt2`) of the places below; raises FileNotFoundError.

    The source tree around this file, the share directory of every ROS 2 prefix (AMENT_PREFIX_PATH), and the share
    directories of the Python environment.
    """
    candidates = [root / relative for root in _roots()]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    places = "\n  ".join(str(candidate) for candidate in candidates)
    raise FileNotFoundError(f"{relative} is not installed; looked for\n  {places}")


def _roots() -> Iterator[Path]:
    source = Path(__file__).parents[2]
    if (source / "package.xml").is_file():
        yield source
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix) / "share" / PACKAGE
    for base in (sys.prefix, site.getuserbase()):
        yield Path(base) / "share" / PACKAGE


DEFAULT_MODEL = "models/default.pt2"


def model_path(setting: str = "") -> Path:
    """The path in `setting`, or the default model's if empty; or FileNotFoundError with the remedy."""
    if setting:
        return Path(setting).expanduser()
    try:
        return find_resource(DEFAULT_MODEL)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}\nInstall the package with its models, or set `model` to a .pt2 file written by "
            "`python -m training.export`"
        ) from error
