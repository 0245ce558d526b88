"""Every reader and the documentation state the terms of its source, and the weights' licence follows from them."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tests.support import datasets
from tests.support.datasets import BUILDERS
from training.data.readers.camvid import CamVid
from training.data.readers.layouts import LAYOUTS
from training.data.readers.pairs import PairFolder
from training.data.source import PROCEDURAL, Source, Use, licence_of, merged

PAGE = Path(__file__).resolve().parents[3] / "docs" / "datasets.md"
ROW = re.compile(r"^\|[^|]*\(`([a-z][a-z0-9-]+)`\) \|.*\| ([^|]*) \|$", re.MULTILINE)
"""A row of the page's tables: its layout, and its last column."""
RESEARCH = Source("Anything", "CC BY-NC 4.0", "A. Uthor", "research")
FREE = Source("Streets", "CC BY 4.0", "B. Uthor", "any")
UNKNOWN = Source("Pairs", "not stated")


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_states_its_source(tmp_path: Path, name: str) -> None:
    BUILDERS[name](tmp_path)
    for split in LAYOUTS[name].splits(tmp_path):
        source = LAYOUTS[name].open(tmp_path, split, True).source
        assert source.name and source.licence
        assert source.use in get_args(Use)
        assert source.attribution or name in ("pairs", "stills"), "only the owner of a folder knows whom to credit"


def test_no_two_layouts_share_a_name() -> None:
    names = [layout.reader.source.name for layout in LAYOUTS.values()]
    assert len(set(names)) == len(names)


def test_non_commercial_terms_are_for_research_and_only_open_licences_are_for_any_use() -> None:
    for layout in LAYOUTS.values():
        source = layout.reader.source
        assert (source.use == "research") == bool(re.search("non-commercial|BY-NC", source.licence)), source
        assert (source.use == "any") == (source.licence in ("CC BY 4.0", "CC BY-SA 4.0")), source


def test_the_page_lists_every_layout_with_the_terms_its_reader_states() -> None:
    terms = dict(ROW.findall(PAGE.read_text()))
    assert terms == {name: layout.reader.source.licence for name, layout in LAYOUTS.items()}


def test_drives_of_camvid_are_named_and_the_whole_of_it_is_camvid(tmp_path: Path) -> None:
    datasets.camvid(tmp_path)
    both = CamVid(tmp_path, "val", drives=["0016E5", "0001TP"]).source
    assert both == CamVid.source._replace(name="CamVid, drives 0001TP, 0016E5")
    assert CamVid(tmp_path, "val").source.name == "CamVid"


def test_a_folder_of_ones_own_is_named_without_the_path_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "garden"
    datasets.pairs(root)
    assert PairFolder(root).source.name == "the pairs in the folder garden"
    monkeypatch.chdir(root)
    assert PairFolder(".").source.name == "the pairs in the folder garden"
    assert not any(str(tmp_path) in text for text in PairFolder(root).source)


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
