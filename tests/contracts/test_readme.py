"""The pages keep up with the code: the README's length and tree, links, paths, commands, options, the example."""

import re
import subprocess
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from training import recipes, train
from training.loop import processes
from training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
MOST_WORDS = 700
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "ros2_ws/README.md", *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SOURCE = re.compile(r"\b(?:training|weather_perception|core|tests|benchmarks)(?:/\w+)+\.py\b")
FOLDER = re.compile(r"\b(?:training|weather_perception)(?:/\w+)+/(?=[`\s),.:])")
MODULE = re.compile(r"python3? -m ((?:training|benchmarks)[\w.]*)")
TREE_ENTRY = re.compile(r"^ {4}(\S+)/ ", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"(?<=[/.])[A-Z]+\b")

every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def tracked(*arguments: str) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip("this is no git checkout, so which files are tracked is unknown")
    return done.stdout.rstrip("\0").split("\0")


def without_code(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(without_code(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) < MOST_WORDS


def test_its_tree_names_every_top_level_folder_and_no_other() -> None:
    section = README.read_text(encoding="utf-8").partition("\n## Where things are\n")[2].partition("\n## ")[0]
    folders = {path.split("/")[0] for path in tracked() if "/" in path}
    assert sorted(TREE_ENTRY.findall(section)) == sorted(folders)


@every_page
def test_its_links_point_at_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for target in LINK.findall(without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue  # another site
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


@every_page
def test_the_source_files_and_folders_that_it_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("training/recipes/plain/", "")  # the example's, not in the tree
    named = [f"weather_perception/{path}" if path.startswith("core/") else path for path in SOURCE.findall(text)]
    named += FOLDER.findall(text)
    assert not [path for path in named if not (PLACEHOLDER.search(path) or (ROOT / path).exists())]


@every_page
def test_the_modules_whose_commands_it_gives_exist(page: Path) -> None:
    named = {name.rstrip(".") for name in MODULE.findall(page.read_text(encoding="utf-8"))}
    assert not [name for name in named if not (PLACEHOLDER.search(name) or find_spec(name))]


@pytest.mark.parametrize("recipe", recipes.RECIPES, ids=lambda recipe: recipe.name)
def test_the_training_page_names_every_preset_and_option(
    recipe: Recipe[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    assert not [name for name in (recipe.name, *recipe.presets) if f"`{name}`" not in text]
    with pytest.raises(SystemExit):
        train.main([next(iter(recipe.presets)), "--help"])
    options = set(re.findall(r"--[a-z][\w-]+", capsys.readouterr().out)) - {"--help"}
    assert not [option for option in options if f"`{option}" not in text]


@pytest.fixture
def example() -> Recipe[Any]:
    """The recipe that docs/training.md shows, as its code defines it."""
    (code,) = CODE_BLOCK.findall((ROOT / "docs/training.md").read_text(encoding="utf-8"))
    module = ModuleType("an_example_recipe")
    exec(compile(code, "docs/training.md", "exec"), module.__dict__)
    found: Recipe[Any] = module.PLAIN
    return found


def test_the_example_recipe_runs(example: Recipe[Any]) -> None:
    preset = example.presets["plain_quick"]()
    config = example.configure(preset, Namespace(width=8))
    run = example.begin(config, processes.launch())
    assert example.command(config).endswith("plain_quick --steps 700 --width 8")
    assert [stage.steps for stage in run.stages] == [700]
    assert example.frame(config)(torch.rand(1, 3, 16, 24)).image_B3HW.shape == (1, 3, 16, 24)
