"""Whose data, or whose weights, a model has learned from, and under which terms."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, get_args

Use = Literal["any", "research", "unknown"]
"""Who may use weights that learned from a source: anybody, research alone, or nobody said."""


class Source(NamedTuple):
    """A data set or a network: its name, its licence as its authors word it, whom to credit, and who may use it."""

    name: str
    licence: str
    attribution: str = ""
    use: Use = "unknown"

    @classmethod
    def from_json(cls, settings: Mapping[str, str]) -> "Source":
        """The source of `_asdict`, as JSON has it; raises ValueError for an unknown `use`."""
        source = cls(**settings)  # type: ignore[arg-type]  # JSON has strings alone
        if source.use not in get_args(Use):
            raise ValueError(f"source {source.name}: use {source.use!r} is none of {', '.join(get_args(Use))}")
        return source

    def __str__(self) -> str:
        """The source in words, as a model card lists it."""
        credit = f" ({self.attribution})" if self.attribution else ""
        return f"{self.name}{credit}, {self.licence}"


PROCEDURAL = Source("procedural street scenes of this project", "Apache-2.0", use="any")


def merged(*sources: Iterable[Source]) -> tuple[Source, ...]:
    """Every source once, in the order of its first mention."""
    return tuple(dict.fromkeys(source for some in sources for source in some))


def licence_of(sources: Iterable[Source]) -> str:
    """The licence of weights that learned from these: ours, with the terms of every source that has other ones."""
    others = [source for source in sources if source.licence != PROCEDURAL.licence]
    if not others:
        return PROCEDURAL.licence
    terms = ", ".join(f"{source.name} ({source.licence})" for source in others)
    if any(source.use == "research" for source in others):
        return f"research use only: learned from {terms}"
    if any(source.use == "unknown" for source in others):
        return f"{PROCEDURAL.licence}, subject to the terms of {terms}"
    return f"{PROCEDURAL.licence}; learned from {terms}, with credit"
