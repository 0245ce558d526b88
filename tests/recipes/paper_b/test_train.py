"""Paper B's commands: trained on our scenes or on pairs of the public sets, stopped, continued, refused by name."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import datasets
from training import train
from training.loop import checkpoint
from training.recipes.paper_b.config import PRESETS, paper_b_smoke
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import assemble, examples, of_tasks, with_tasks
from training.segmenters.restore_checkpoint import restore_moe_wirnet

pytestmark = pytest.mark.usefixtures("one_thread")

FILES = (NETWORK, "optimizer", "restore_memory")


def arguments(folder: Path, *more: str) -> list[str]:
    return ["paper_b_smoke", "--threads", "1", "--out", str(folder), *more]


def tensors(folder: Path) -> dict[str, Tensor]:
    groups, _ = checkpoint.load(folder, *FILES)
    return {f"{file}.{name}": value for file, group in zip(FILES, groups, strict=True) for name, value in group.items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper_b") / "run"
    assert train.main(arguments(folder, "--tensorboard", str(folder.with_name("board")))) == 0
    return folder


def test_a_stopped_and_resumed_run_has_the_bits_of_one_that_was_not(trained: Path, tmp_path: Path) -> None:
    config = paper_b_smoke()
    stopped = train.build(config, train.loop_config(config))
    coming = iter(train.batches(config, stopped))
    for _ in range(3):
        stopped.train_step([next(coming)])
    stopped.save(tmp_path / "run", {})
    assert train.main(arguments(tmp_path / "run", "--resume")) == 0
    expected, found = tensors(trained), tensors(tmp_path / "run")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_checkpoint_holds_the_network_and_says_how_it_came_about(trained: Path) -> None:
    net, state = restore_moe_wirnet(trained)
    assert net.config == paper_b_smoke().model and not net.training
    assert (state["step"], state["stage"]) == (4, "collaborate")
    assert state["command"] == "python -m training.train paper_b_smoke --steps 4"
    assert {f"{kind}_{task}" for kind in ("weight", "rci", "aci") for task in ("fog", "rain", "snow")} <= set(
        state["scalars"]
    )
    assert list(trained.with_name("board").iterdir())


def test_every_step_has_equally_many_examples_of_every_task_clear_ones_where_named() -> None:
    config = of_tasks(paper_b_smoke(), ("clear", "snow"))
    assert config.batch == 2
    drawn = [examples(config)[index] for index in range(4)]
    assert [int(example.weather) for example in drawn] == [0, 1, 0, 1]
    assert all(torch.equal(example.degraded_3HW, example.clear_3HW) == (int(example.weather) == 0) for example in drawn)


@pytest.mark.parametrize(
    ("write", "split", "tasks"),
    [
        (datasets.weatherbench, "train", ("haze", "rain", "snow")),
        (datasets.foundir, "", ("haze", "nightrain", "rain", "raindrop")),
        (datasets.pairs, "", ("degraded",)),
    ],
    ids=["WeatherBench", "FoundIR", "input and target"],
)
def test_pairs_on_disk_bring_their_weathers_as_tasks(write, split, tasks, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "set")
    asked = ["--pairs", str(tmp_path / "set"), *(["--pairs-split", split] if split else [])]
    assert train.main(arguments(tmp_path / "run", "--steps", "1", *asked)) == 0
    assert train.main(arguments(tmp_path / "run", "--steps", "2", *asked, "--resume")) == 0
    _, state = restore_moe_wirnet(tmp_path / "run")
    assert (state["step"], tuple(state["config"]["tasks"])) == (2, tasks)
    assert state["config"]["batch"] == len(tasks)
    assert state["command"].endswith("--pairs PAIRS_ROOT" + (f" --pairs-split {split}" if split else ""))
    assert {f"loss_{task}" for task in tasks} <= set(state["scalars"])
    config = with_tasks(train.configure(train.parser().parse_args(arguments(tmp_path, *asked))))  # type: ignore[arg-type]
    assert [int(examples(config)[index].weather) for index in range(len(tasks))] == list(range(len(tasks)))


def test_the_presets_are_the_networks_of_their_names_and_can_be_assembled() -> None:
    config = PRESETS["paper_b_quick"]()
    networks, stages, loop = assemble(config)
    again = assemble(config).networks
    assert all(map(torch.equal, networks[NETWORK].state_dict().values(), again[NETWORK].state_dict().values()))
    assert (stages[0].steps, loop.seed) == (config.steps, config.seed)
    for name, preset in PRESETS.items():
        assert preset().name == name
    assert PRESETS["paper_b"]().steps == 300_000 and PRESETS["paper_b"]().learning_rate == 2e-4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--segmenter", "a/b"], "training.export --segmenter"),
        (["--tasks", "fog,volcano"], "volcano"),
        (["--tasks", "fog,fog"], "each once"),
        (["--init", "a"], "cannot start from"),
        (["--pairs-split", "train"], "--pairs ROOT"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(arguments(tmp_path / "run", *more)) == 1
    assert message in capsys.readouterr().err
