"""The smoke commands of all papers, each run once for all tests."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from training.data.examples import Examples
from training.reproduce.__main__ import main
from training.reproduce.frames import Frames

SMOKE = ("--smoke", "--threads", "1", "--jobs", "1")
OWN = {
    "A": ("--rival", "other=tests.support.rivals:Residual"),
    "B": ("--tables", "7", "4", "--rival", "other=tests.support.rivals:Residual"),
    "C": ("--methods", "sum", "mvgh_direction", "film", "--rival", "told=tests.support.rivals:Told,labels"),
}
"""Options of each paper that leave out rows, to save time."""


@dataclass(frozen=True)
class Reproduced:
    """A paper's smoke command, the folder that it wrote to, and the seeds of the examples that it asked for."""

    paper: str
    out: Path
    seeds: list[int] = field(default_factory=list)

    def run(self) -> None:
        ask = Frames.examples

        def examples(frames: Frames, tasks: Sequence[str], size: tuple[int, int], seed: int) -> Examples:
            self.seeds.append(seed)
            return ask(frames, tasks, size, seed)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Frames, "examples", examples)
            assert main([self.paper, *SMOKE, *OWN[self.paper], "--out", str(self.out)]) == 0

    @property
    def checkpoints(self) -> Path:
        return self.out / f"{self.paper}_smoke"

    @property
    def results(self) -> Path:
        return self.out / "results"

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.results / f"{self.paper}.json").read_text())
        return found

    @property
    def page(self) -> str:
        return (self.results / f"{self.paper}.md").read_text()


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reproduced]:
    """The output of a paper's command."""
    found: dict[str, Reproduced] = {}

    def of(paper: str) -> Reproduced:
        if paper not in found:
            found[paper] = Reproduced(paper, tmp_path_factory.mktemp(paper))
            found[paper].run()
        return found[paper]

    return of
