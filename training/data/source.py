"""The sources that a model learned from, and the licence that follows from them."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, get_args

Use = Literal["any", "research", "unknown"]
"""Permitted use of weights that learned from a source: any use, research only, or not stated."""


class Source(NamedTuple):
    """A data set or a network, with the licence in its authors' words, the credit that is due and the permitted use."""

    name: str
    licence: str
    attribution: str = ""
    use: Use = "unknown"

    @classmethod
    def from_json(cls, settings: Mapping[str, str]) -> "Source":
        """The inverse of `_asdict`, from JSON; raises ValueError for an unknown `use`."""
        source = cls(**settings)  # type: ignore[arg-type]  # JSON has only strings
        if source.use not in get_args(Use):
            raise ValueError(f"source {source.name}: use {source.use!r} is none of {', '.join(get_args(Use))}")
        return source

    def __str__(self) -> str:
        """The source as text for a model card."""
        credit = f" ({self.attribution})" if self.attribution else ""
        return f"{self.name}{credit}, {self.licence}"


PROCEDURAL = Source("procedural street scenes of this project", "Apache-2.0", use="any")


def merged(*sources: Iterable[Source]) -> tuple[Source, ...]:
    """All sources without repetition, in order of first appearance."""
    return tuple(dict.fromkeys(source for some in sources for source in some))


def licence_of(sources: Iterable[Source]) -> str:
    """The licence of weights that learned from these sources: ours, plus the terms of sources with other licences."""
    others = [source for source in sources if source.licence != PROCEDURAL.licence]
    if not others:
        return PROCEDURAL.licence
    terms = ", ".join(f"{source.name} ({source.licence})" for source in others)
    if any(source.use == "research" for source in others):
        return f"research use only: learned from {terms}"
    if any(source.use == "unknown" for source in others):
        return f"{PROCEDURAL.licence}, subject to the terms of {terms}"
    return f"{PROCEDURAL.licence}; learned from {terms}, with credit"
