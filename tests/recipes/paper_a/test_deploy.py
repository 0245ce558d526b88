"""Paper A handed out: whole masks and frames, and a card that says how it was trained."""

import dataclasses
from pathlib import Path

import pytest

from tests.support.runs import untrained
from training.card import card
from training.deployable import Deployable
from training.recipes import open_deployable
from training.recipes.paper_a.config import paper_a_smoke
from training.recipes.paper_a.recipe import PAPER_A
from weather_perception.core.program import open_program

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def deployable(untrained_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployable:
    config = dataclasses.replace(paper_a_smoke(), segmenter=str(untrained_base))
    return open_deployable(untrained(PAPER_A, config, tmp_path_factory.mktemp("paper_a") / "run"))


def test_the_card_says_which_losses_it_had_and_every_degradation_of_the_paper_is_judged(
    deployable: Deployable, tiny_model: Path
) -> None:
    program = dataclasses.replace(open_program(tiny_model), manifest=deployable.manifest("tiny_a"))
    page = card(program)
    assert "perceptual and style losses: off" in page and "sgada" in page and "does not route" in page
    assert len(deployable.conditions) == 8 and {"clear", "chromatic_aberration", "fog"} <= set(deployable.conditions)
