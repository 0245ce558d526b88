"""The documentation site holds every page, its generated tables are up to date, and it builds."""

import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.options import parser

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MISSING = "" if find_spec("mkdocs") and find_spec("material") else "MkDocs is not installed: make docs installs it"


def pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for item in (nav.values() if isinstance(nav, dict) else nav) for page in pages_of(item)]


def test_the_site_has_every_page_once() -> None:
    nav = pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_table_of_parameters_is_the_one_that_the_code_writes() -> None:
    reference = runpy.run_path(str(DOCS / "site/reference.py"))
    (table,) = reference["BETWEEN"].findall((DOCS / "node.md").read_text())
    assert table == reference["parameters"](), "bring it up to date: python docs/site/reference.py"


def test_every_exit_code_of_replay_is_explained() -> None:
    section = (DOCS / "troubleshooting.md").read_text().partition("### Exit codes of replay")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)] == sorted(ExitCode)


def test_every_option_of_replay_that_its_page_names_exists() -> None:
    options = {option for action in parser()._actions for option in action.option_strings}
    text = (DOCS / "replay.md").read_text().partition("## The demo")[0]
    assert set(re.findall(r"--[a-z][\w-]+", text)) <= options


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_it_builds_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "index.html").read_text()
    loaded = re.findall(r"<(?:script|img|link)[^>]*(?:src|href)=\"?(https?://[^\s\">]+)", home)
    assert loaded == []
