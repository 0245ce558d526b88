"""Words the command that builds an engine, for whoever runs it and for messages that tell a user to."""

import shlex


def build_arguments(model: str, engine: str, device: str, precision: str, size: str, **others: object) -> list[str]:
    """The arguments of `build_engine`; `size` as it takes it, and `others` by their names there."""
    options = {"model": model, "engine": engine, "device": device, "precision": precision, "size": size, **others}
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def build_command(model: str, engine: str, device: str, precision: str = "fp32", size: str = "HEIGHTxWIDTH") -> str:
    """What a user types to build an engine of the model file."""
    return shlex.join(["build_engine", *build_arguments(model, engine, device, precision, size)])
