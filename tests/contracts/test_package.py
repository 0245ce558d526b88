"""What gets installed, by pip and by colcon alike."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NAME = "weather_perception"
SOURCES = (
    "package.xml",
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
    "ATTRIBUTION.md",
)
FOLDERS = (NAME, "training", "tests", "launch", "config", "models", "resource", "requirements")


@pytest.fixture(scope="module")
def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that pip makes of a copy of the sources: nothing is left behind in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    for name in filter(lambda folder: (ROOT / folder).is_dir(), FOLDERS):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "."], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def installed_packages(wheel: zipfile.ZipFile) -> set[str]:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    return {root for root in roots if not root.endswith((".dist-info", ".data"))}


def data_files(wheel: zipfile.ZipFile) -> set[str]:
    """Paths under the installation prefix, e.g. `share/weather_perception/package.xml`."""
    prefix = ".data/data/"
    return {name.split(prefix, 1)[1] for name in wheel.namelist() if prefix in name}


def test_installs_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert installed_packages(wheel) == {NAME}


def test_every_module_and_template_is_installed(wheel: zipfile.ZipFile) -> None:
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / NAME).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= set(wheel.namelist())


def test_share_holds_what_ros_2_looks_for(wheel: zipfile.ZipFile) -> None:
    installed = data_files(wheel)
    assert f"share/ament_index/resource_index/packages/{NAME}" in installed
    assert f"share/{NAME}/package.xml" in installed
    for folder, pattern in (("launch", "*.launch.py"), ("config", "*"), ("models", "*")):
        for path in (ROOT / folder).glob(pattern):
            assert f"share/{NAME}/{folder}/{path.name}" in installed


def test_metadata_come_from_package_xml(wheel: zipfile.ZipFile, manifest: ElementTree.Element) -> None:
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(path).decode())
    assert metadata["Name"] == manifest.findtext("name")
    assert metadata["Version"] == manifest.findtext("version")
    assert metadata["Summary"] == manifest.findtext("description")
    assert (metadata["License"] or metadata["License-Expression"]) == manifest.findtext("license")


def test_programs_have_their_names_and_are_there(wheel: zipfile.ZipFile) -> None:
    (path,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(path).decode())
    programs = dict(parser["console_scripts"])
    assert programs == {
        "restore_node": f"{NAME}.node:main",
        "replay": f"{NAME}.replay.cli:main",
        "replay_fleet": f"{NAME}.replay.fleet.cli:main",
        "build_engine": f"{NAME}.build_engine:main",
    }
    for target in programs.values():
        module, function = target.split(":")
        assert f"def {function}(" in wheel.read(module.replace(".", "/") + ".py").decode()


def test_package_xml_is_of_format_3_for_ament_python(manifest: ElementTree.Element) -> None:
    assert manifest.tag == "package"
    assert manifest.get("format") == "3"
    assert re.fullmatch(r"[a-z][a-z0-9_]*", manifest.findtext("name") or "")
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest.findtext("version") or "")
    assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", manifest.find("maintainer").get("email"))
    assert manifest.findtext("export/build_type") == "ament_python"
    assert "training" not in ElementTree.tostring(manifest, encoding="unicode")


def test_every_ros_package_in_use_is_a_dependency(manifest: ElementTree.Element) -> None:
    """An import of a message or client package that package.xml does not name fails only on the robot."""
    named = {element.text for element in manifest.iter("exec_depend")}
    pattern = re.compile(
        r"^\s*(?:from|import) (rclpy|launch_ros|launch|ament_index_python|\w+_msgs|\w+_interfaces)\b", re.MULTILINE
    )
    for path in [*(ROOT / NAME).rglob("*.py"), *(ROOT / "launch").glob("*.py")]:
        used = set(pattern.findall(path.read_text(encoding="utf-8")))
        assert used <= named, f"{path.relative_to(ROOT)} uses {used - named}"


def test_pip_extras_name_what_ros_2_packages_need(manifest: ElementTree.Element) -> None:
    """Every message package of package.xml has its wheel in requirements/ros.txt, so both ways of installing agree."""
    wheels = (ROOT / "requirements" / "ros.txt").read_text()
    for element in manifest.iter("exec_depend"):
        name = element.text or ""
        if name.endswith(("_msgs", "_interfaces")) or name == "rclpy":
            assert f"ros-{name.replace('_', '-')}" in wheels, name


EXTRAS = {"ros": "ros", "openvino": "engines", "int8": "engines", "fleet": "fleet", "train": "train", "test": "test"}
"""The file in requirements/ that pins what an extra needs."""


def pinned(name: str) -> dict[str, list[str]]:
    """The versions of each package in a file of requirements/; a package that only constraints.txt pins has none."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if line := line.partition("#")[0].strip():
            requirement = Requirement(line)
            versions = found.setdefault(canonicalize_name(requirement.name), [])
            versions += [specifier.version for specifier in requirement.specifier]
    return found


def test_setup_py_and_the_pinned_requirements_name_the_same_packages(wheel: zipfile.ZipFile) -> None:
    """A version that is tested is one that setup.py allows, and nothing that an extra needs is missing from it."""
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    declared: dict[str, set[str]] = {}
    for line in Parser().parsestr(wheel.read(path).decode()).get_all("Requires-Dist") or ():
        requirement = Requirement(line)
        extra = re.search(r"extra == .(\w+)", str(requirement.marker))
        files = ["runtime"] if extra is None else [EXTRAS[extra[1]]] if extra[1] in EXTRAS else ["tensorrt-dry-run"]
        name = canonicalize_name(requirement.name)
        declared.setdefault(files[0], set()).add(name)
        assert name in pinned(files[0]), f"requirements/{files[0]}.txt does not pin {line}"
        for version in pinned(files[0])[name]:
            assert version in requirement.specifier, f"requirements/{files[0]}.txt pins {name} {version}, not {line}"
    for name in ("runtime", "ros", "engines", "fleet", "train"):
        assert declared[name] == set(pinned(name))


def test_launch_is_not_a_package() -> None:
    """A launch/__init__.py would hide ROS 2's own `launch` from anything started in the checkout."""
    assert not list((ROOT / "launch").rglob("__init__.py"))
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_workspace_holds_no_symbolic_link() -> None:
    """A link to the root would make every tool that walks the checkout walk it for ever."""
    assert not [path for path in (ROOT / "ros2_ws").iterdir() if path.is_symlink()]


PROVIDED = {
    "python3-jinja2": {"jinja2", "markupsafe"},
    "python3-numpy": {"numpy"},
    "python3-opencv": {"cv2"},
    "python3-pil": {"PIL"},
    "python3-tqdm": {"tqdm"},
}
"""The modules of each dependency that is no ROS package."""

BY_PIP = {
    "torch": {"torch"},
    "torchmetrics": {"torchmetrics"},
    "rosbags": {"rosbags", "ruamel", "lz4", "backports", "compression"},
}
"""The modules of what docs/install.md installs with pip, and of what rosbags itself requires."""

OPTIONAL = {"openvino", "onnx", "nncf", "torch_tensorrt", "tensorrt", "ray", "cv_bridge"}
"""Modules of the engines' and the fleet's extras, and cv_bridge: used if they are there."""


def test_every_import_is_of_a_dependency_that_a_workspace_gets(manifest: ElementTree.Element) -> None:
    """What rosdep installs from package.xml, and what docs/install.md and the containers add with pip."""
    depends = {depend.text or "" for depend in manifest.findall("exec_depend")}
    (line,) = re.findall(r"pip install ('torch.*)", (ROOT / "docs/install.md").read_text())
    assert {Requirement(one.strip("'")).name for one in line.split()} == set(BY_PIP)
    for path in (ROOT / "docker").glob("*.Dockerfile"):
        assert all(re.search(rf"\b{name}==", path.read_text()) for name in BY_PIP if name != "torch"), path.name
    allowed = depends.union(*(PROVIDED.get(depend, set()) for depend in depends), *BY_PIP.values())
    imported = {
        (module, path.name)
        for path in (ROOT / NAME).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for module in modules_of(node)
    }
    known = allowed | OPTIONAL | set(sys.stdlib_module_names) | {NAME}
    assert {(module, name) for module, name in imported if module not in known} == set()


def modules_of(node: ast.AST) -> set[str]:
    """The packages that an import statement imports, without their modules."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) and node.module else set()
