"""The direction of imports is the architecture: what may know of what."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GUARD = "__name__ == '__main__'"

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

RECIPES = sorted(path.parent.name for path in (ROOT / "training" / "recipes").glob("*/recipe.py"))
OF_RECIPES = [f"training.recipes.{name}" for name in RECIPES]
VERBS = [
    f"training.{name}"
    for name in ("train", "evaluate", "export", "compile", "complexity", "inspect", "degrade", "simulate", "unpack")
]
ABOVE_LOOP = [
    *("training.recipes", "training.recipe", "training.deployable", "training.card", "training.options"),
    *("training.reproduce", *VERBS),
]
PARTS = ["training.models", "training.losses", "training.multitask"]
ROOMS = [*PARTS, *(f"training.{name}" for name in ("data", "loop", "judging", "segmenters"))]

# (files, may not import, why). A path ending in .py is one file, any other a package.
# config, data, models, losses, multitask <- loop, segmenters, judging <- recipe <- recipes <- verbs, reproduce
RULES = [
    ("weather_perception", ["training", "tests", "benchmarks"], "a robot has no training code"),
    ("training", ["tests", "benchmarks"], "tests are not installed with it"),
    ("training/config.py", ["training"], "everything reads it"),
    *(
        (f"training/{name}", [room for room in ROOMS if room != f"training.{name}"] + ABOVE_LOOP, why)
        for name, why in (
            ("models", "a network is only itself"),
            ("losses", "a loss is a function of tensors"),
            ("multitask", "reweighting is a function of losses and gradients"),
        )
    ),
    (
        "training/data",
        [*PARTS, "training.loop", "training.judging", "training.segmenters", *ABOVE_LOOP],
        "data know no model",
    ),
    (
        "training/judging",
        [*PARTS, "training.loop", "training.segmenters", *ABOVE_LOOP],
        "a judge sees images and masks alone",
    ),
    (
        "training/segmenters",
        ["training.losses", "training.multitask", "training.judging", *ABOVE_LOOP],
        "a segmenter is found for any recipe",
    ),
    (
        "training/loop",
        [*PARTS, "training.judging", "training.segmenters", *ABOVE_LOOP],
        "the loop trains any network on any data",
    ),
    *(
        (f"training/{name}.py", [*OF_RECIPES, "training.reproduce"], "a verb knows recipes, and no paper")
        for name in (
            "train",
            "evaluate",
            "export",
            "unpack",
            "compile",
            "complexity",
            "recipe",
            "deployable",
            "card",
            "options",
        )
    ),
    *(
        (
            f"training/recipes/{name}",
            [*(other for other in OF_RECIPES if other != f"training.recipes.{name}"), "training.reproduce", *VERBS],
            "a recipe opens in one folder",
        )
        for name in RECIPES
    ),
]


def sources(where: str) -> list[Path]:
    path = ROOT / where
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(path: Path, only_at_the_top: bool = False) -> set[str]:
    """Full names of every module or name that a file imports, anywhere or at its top, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    tree = parsed(path)
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


@pytest.mark.parametrize("where", ["weather_perception/core", "training"])
def test_core_and_training_know_no_ros_and_of_the_package_only_core(where: str) -> None:
    for path in sources(where):
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
    "program",
    [
        *("weather_perception.replay.cli", "weather_perception.node", "weather_perception.build_engine"),
        "benchmarks.bench.worker",
    ],
)
def test_a_program_loads_torch_only_after_it_has_set_openmps_wait_policy(program: str) -> None:
    """OpenMP reads the policy when PyTorch loads; spinning threads beside a busy neighbour cost five times the time."""
    assert not [name for name in loaded_with(program) if within(name, "torch") or within(name, "torchmetrics")]


def test_a_command_starts_after_its_whole_module_is_defined() -> None:
    """Names below the guard are unknown to a program that runs above them, and no test that imports it sees that."""
    bodies = {
        path.relative_to(ROOT): [isinstance(node, ast.If) and ast.unparse(node.test) for node in parsed(path).body]
        for package in ("weather_perception", "training", "benchmarks", "tests")
        for path in sources(package)
    }
    commands = {path: body for path, body in bodies.items() if GUARD in body}
    assert len(commands) > 15
    early = [str(path) for path, body in commands.items() if body.index(GUARD) < len(body) - 1]
    assert not early, f"move the guard to the end of {early}"


def test_package_root_is_empty() -> None:
    assert (ROOT / "weather_perception" / "__init__.py").read_text() == ""
