"""All recipes; to add one, add it to RECIPES."""

import dataclasses
from pathlib import Path
from typing import Any

from training.data.source import merged
from training.deployable import Deployable
from training.loop.checkpoint import CheckpointError, joined, open_checkpoint
from training.recipe import Recipe
from training.recipes.paper_a.recipe import PAPER_A
from training.recipes.paper_b.recipe import PAPER_B
from training.recipes.paper_c.recipe import PAPER_C
from training.recipes.plain_net.recipe import PLAIN_NET
from training.recipes.street_net.recipe import STREET_NET
from training.recipes.teacher.recipe import TEACHER
from training.recipes.weather_net.recipe import WEATHER_NET
from training.segmenters.find import find_segmenter, held_segmenter

RECIPES: tuple[Recipe[Any], ...] = (WEATHER_NET, STREET_NET, PAPER_A, PAPER_B, PAPER_C, PLAIN_NET, TEACHER)


def recipe_named(name: str) -> Recipe[Any]:
    """The recipe with this name; raises ValueError with the known names."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise ValueError(f"no recipe {name!r}; there are {', '.join(recipe.name for recipe in RECIPES)}")


def open_deployable(folder: Path, segmenter: str | None = None, averaged: bool = False) -> Deployable:
    """Open the model in a checkpoint's folder, with the recipe that wrote it.

    `segmenter`: the segmenter for the mask if the checkpoint has none, as in `find_segmenter`; training such a run does
    not depend on it. `averaged`: use the moving averages of the weights. Raises CheckpointError and SegmenterError.
    """
    saved = open_checkpoint(folder, averaged)
    try:
        recipe = recipe_named(saved.recipe)
    except ValueError as error:
        raise CheckpointError(f"{folder}: {error}; it needs the version of this project that trained it") from error
    config = recipe.read(saved)
    if segmenter and saved.state["segmenter"]:
        raise CheckpointError(f"{folder}: it has a segmenter of its own; leave out --segmenter {segmenter}")
    if segmenter:
        given = find_segmenter(segmenter, [c.name for c in saved.classes])
        state = saved.state | {
            "sources": [source._asdict() for source in merged(saved.sources, given.sources)],
            "command": joined(given.command, saved.state["command"]),
        }
        return recipe.deploy(dataclasses.replace(saved, state=state), config, given)
    return recipe.deploy(saved, config, held_segmenter(saved))
