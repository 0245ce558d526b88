"""Finds the model file: the one that a setting names, else the one that comes with the package."""

from pathlib import Path

from weather_perception.core.resources import find_resource

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
