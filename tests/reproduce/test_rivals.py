"""Rivals on the command line, and their first weights."""

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.rivals import Residual
from training.reproduce.rivals import Rival, add_rivals, open_rival, rival, rivals_options

FACTORY = "tests.support.rivals:Residual"


def test_a_rival_is_named_with_its_factory_its_weights_and_its_labels() -> None:
    assert rival(f"mine={FACTORY}") == Rival("mine", FACTORY)
    whole = Rival("mine", FACTORY, Path("a/b.pth"), labels=True)
    assert rival(f"mine={FACTORY},weights=a/b.pth,labels") == whole
    parser = argparse.ArgumentParser()
    add_rivals(parser)
    options = parser.parse_args(["--rival", f"mine={FACTORY},labels,weights=a/b.pth"])
    assert rivals_options(options) == [f"--rival mine={FACTORY},weights=FILE,labels"]  # without this machine's path


@pytest.mark.parametrize(
    ("text", "message"),
    [("mine", "is not NAME=MODULE"), ("mine=net", "is not NAME=MODULE"), (f"a={FACTORY},fast", "'fast' is neither")],
)
def test_what_is_no_rival_is_refused_with_the_form(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        rival(text)


@pytest.mark.parametrize("name", ["a.pth", "wrapped.pth", "a.safetensors"])
def test_it_starts_from_its_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    weights, path = Residual().state_dict(), tmp_path / name
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"params": weights} if name.startswith("wrapped") else weights, path)
    torch.manual_seed(2)
    net = open_rival(Rival("mine", FACTORY, path))
    assert torch.equal(net.state_dict()["layer.weight"], weights["layer.weight"])


def test_weights_that_are_not_there_or_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.pth with weights"):
        open_rival(Rival("mine", FACTORY, tmp_path / "none.pth"))
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"--rival mine: .*other\.pth does not fit"):
        open_rival(Rival("mine", FACTORY, tmp_path / "other.pth"))


@pytest.mark.parametrize(
    ("factory", "told"), [(f"{FACTORY}s", "no attribute 'Residuals'"), ("no.such:net", "No module named 'no'")]
)
def test_a_rival_that_cannot_be_opened_is_named_with_its_own_option(factory: str, told: str) -> None:
    with pytest.raises(ValueError, match=rf"^--rival mine: {factory}: .*{told}"):
        open_rival(Rival("mine", factory))
