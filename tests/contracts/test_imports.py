"""The direction of imports is the architecture: what may know of what."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# ROS 2's Python packages that any file here could be tempted to import; `*_msgs` and `*_interfaces` are added by name.
ROS = {
    "rclpy",
    "launch",
    "launch_ros",
    "ament_index_python",
    "cv_bridge",
    "rosbag2_py",
    "message_filters",
    "diagnostic_updater",
}

# The names of the street classes: everything that deals with masks may know them.
VOCABULARY = "training.data.classes"

# (files, may not import, why). A path ending in .py is one file, any other a package.
# config <- data, models <- losses <- stages <- *_stages; trainer knows stages alone; *_run joins them.
CONFIGURATION = [
    "training.config",
    "training.recipes.paper_a.config",
    "training.recipes.paper_b.network_config",
    "training.recipes.paper_b.config",
    "training.recipes.paper_c.network_config",
    "training.recipes.paper_c.config",
]
TASKS = [
    "training.recipes.weather_net.objective",
    "training.recipes.paper_a.original",
    "training.recipes.paper_a.objective",
    "training.recipes.paper_b.objective",
    "training.recipes.paper_c.objective",
]
LOOP = [
    "training.loop.stages",
    "training.loop.processes",
    "training.loop.watch",
    "training.loop.weight_average",
    "training.loop.task_gradients",
    "training.loop.trainer",
]
RUNS = [
    "training.recipes.weather_net.recipe",
    "training.recipes.paper_a.recipe",
    "training.recipes.paper_b.recipe",
    "training.recipes.paper_c.recipe",
]
COMMAND = [*RUNS, "training.train", "training.reproduce"]
ABOVE_DATA = ["training.models", "training.losses", "training.multitask", *LOOP, *TASKS, *COMMAND]

RULES = [
    ("weather_perception", ["training", "tests"], "a robot has no training code"),
    ("training", ["tests"], "tests are not installed with it"),
    ("training/models", ["training.losses", "training.data", *LOOP, *TASKS, *COMMAND], "a network is only itself"),
    (
        "training/losses",
        ["training.models", "training.data", *LOOP, *TASKS, *COMMAND],
        "a loss is a function of tensors",
    ),
    (
        "training/multitask",
        ["training.models", "training.losses", "training.data", *LOOP, *TASKS, *COMMAND],
        "reweighting is a function of losses and gradients",
    ),
    ("training/data", ABOVE_DATA, "data know no model"),
    *((f"{name.replace('.', '/')}.py", ["training.data", *ABOVE_DATA], "all read it") for name in CONFIGURATION),
    (
        "training/stages.py",
        ["training.data", *(set(ABOVE_DATA) - {"training.loop.stages"}), *CONFIGURATION],
        "stages are data about any training",
    ),
    *(
        (
            f"{name.replace('.', '/')}.py",
            [
                "training.data",
                "training.models",
                "training.losses",
                *TASKS,
                *COMMAND,
                "training.recipes.paper_a.config",
            ],
            "the loop trains any network on any data",
        )
        for name in LOOP
        if name != "training.loop.stages"
    ),
    *(
        (
            f"{name.replace('.', '/')}.py",
            ["training.loop.trainer", "training.loop.processes", *COMMAND],
            "a task runs nothing",
        )
        for name in TASKS
    ),
]


def sources(where: str) -> list[Path]:
    path = ROOT / where
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def imported_modules(path: Path, only_at_the_top: bool = False) -> set[str]:
    """Full names of every module or name that a file imports, anywhere or at its top, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if only_at_the_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def is_ros(module: str) -> bool:
    top = module.split(".")[0]
    return top in ROS or top.endswith(("_msgs", "_interfaces"))


def test_finds_imports_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "a" / "b" / "c.py"
    file.parent.mkdir(parents=True)
    file.write_text("import x.y\nfrom . import d\nfrom ..e import f\ndef g():\n    from sensor_msgs.msg import Image\n")
    assert imported_modules(file) == {"x.y", "a.b.d", "a.e.f", "sensor_msgs.msg.Image"}


@pytest.mark.parametrize(("where", "forbidden", "why"), RULES, ids=[rule[0] for rule in RULES])
def test_imports_point_one_way(where: str, forbidden: list[str], why: str) -> None:
    files = sources(where)
    assert files, f"{where} is gone: change this rule with the layout"
    breaches = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in sorted(imported_modules(path))
        if any(within(module, package) for package in forbidden) and not within(module, VOCABULARY)
    ]
    assert not breaches, f"{why}: {breaches}"


def test_core_knows_nothing_outside_itself_and_no_ros() -> None:
    for path in sources("weather_perception/core"):
        for module in imported_modules(path):
            assert not is_ros(module), f"{path.relative_to(ROOT)} imports ROS: {module}"
            if within(module, "weather_perception"):
                assert within(module, "weather_perception.core"), f"{path.relative_to(ROOT)} imports {module}"


def test_training_uses_the_package_only_through_core() -> None:
    for path in sources("training"):
        for module in imported_modules(path):
            assert not is_ros(module), f"{path.relative_to(ROOT)} imports ROS: {module}"
            if within(module, "weather_perception"):
                assert within(module, "weather_perception.core"), f"{path.relative_to(ROOT)} imports {module}"


def loaded_with(module: str) -> set[str]:
    """Every module and name that importing `module` of this repository loads, through all it imports at its top."""
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = ROOT / (name.replace(".", "/") + ".py")
        if name in loaded or not path.is_file():
            loaded.add(name)
            continue
        loaded.add(name)
        for imported in imported_modules(path, only_at_the_top=True):
            waiting += [imported, imported.rpartition(".")[0]]
    return loaded


def test_replay_judges_bags_on_machines_without_ros() -> None:
    """Only the live mode, which replay loads when asked to, may need ROS."""
    assert not [name for name in loaded_with("weather_perception.replay.cli") if is_ros(name)]
    assert "rclpy" in loaded_with("weather_perception.replay.link")


@pytest.mark.parametrize(
    "program", ["weather_perception.replay.cli", "weather_perception.node", "weather_perception.build_engine"]
)
def test_a_program_loads_torch_only_after_it_has_set_openmps_wait_policy(program: str) -> None:
    """OpenMP reads the policy when PyTorch loads; spinning threads beside a busy neighbour cost five times the time."""
    assert not [name for name in loaded_with(program) if within(name, "torch") or within(name, "torchmetrics")]


def test_package_root_is_empty() -> None:
    assert (ROOT / "weather_perception" / "__init__.py").read_text() == ""
