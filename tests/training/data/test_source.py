"""The licence of weights follows from the sources they learned from, however these are named."""

import pytest

from training.data.source import PROCEDURAL, Source, licence_of, merged

RESEARCH = Source("Anything", "CC BY-NC 4.0", "A. Uthor", "research")
FREE = Source("Streets", "CC BY 4.0", "B. Uthor", "any")
UNKNOWN = Source("Pairs", "not stated")


def test_our_own_scenes_are_under_our_own_licence() -> None:
    assert licence_of([PROCEDURAL]) == licence_of([]) == "Apache-2.0"


@pytest.mark.parametrize("others", [[], [PROCEDURAL], [UNKNOWN, FREE]])
def test_one_source_for_research_alone_restricts_the_weights(others: list[Source]) -> None:
    licence = licence_of([*others, RESEARCH])
    assert licence.startswith("research use only") and "Anything (CC BY-NC 4.0)" in licence


def test_terms_that_nobody_stated_are_not_taken_for_free() -> None:
    licence = licence_of([PROCEDURAL, FREE, UNKNOWN])
    assert "subject to the terms of" in licence and "Pairs (not stated)" in licence
    assert "research" not in licence


def test_free_sources_are_credited() -> None:
    assert licence_of([PROCEDURAL, FREE]) == "Apache-2.0; learned from Streets (CC BY 4.0), with credit"
    assert str(FREE) == "Streets (B. Uthor), CC BY 4.0"


def test_a_source_is_named_once_and_survives_json() -> None:
    assert merged([PROCEDURAL, FREE], [FREE, RESEARCH]) == (PROCEDURAL, FREE, RESEARCH)
    assert Source.from_json(FREE._asdict()) == FREE
    with pytest.raises(ValueError, match="use 'all' is none of any, research, unknown"):
        Source.from_json(FREE._asdict() | {"use": "all"})
