"""The package's Fast DDS profile is used unless the user chose a transport."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from weather_perception import transport

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "RMW_IMPLEMENTATION",
        "FASTDDS_DEFAULT_PROFILES_FILE",
        "FASTRTPS_DEFAULT_PROFILES_FILE",
        "FASTDDS_BUILTIN_TRANSPORTS",
    ):
        monkeypatch.setenv(name, "")


def test_the_profile_is_used_by_default() -> None:
    assert transport.apply_defaults() == ROOT / "config/fastdds.xml"
    assert transport.os.environ[transport.profile_variable()] == str(ROOT / "config/fastdds.xml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp"),
        ("FASTDDS_DEFAULT_PROFILES_FILE", "/home/me/mine.xml"),
        ("FASTRTPS_DEFAULT_PROFILES_FILE", "/home/me/mine.xml"),
        ("FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA"),
    ],
)
def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    before = dict(transport.os.environ)
    assert transport.apply_defaults() is None
    assert dict(transport.os.environ) == before


def test_a_profile_in_the_working_directory_stays(tmp_path: Path) -> None:
    (tmp_path / "DEFAULT_FASTDDS_PROFILES.xml").touch()
    assert transport.apply_defaults() is None


@pytest.mark.parametrize(
    ("rclpy_version", "variable"),
    [
        ("3.3.16", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("7.1.6", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("9.1.2", "FASTDDS_DEFAULT_PROFILES_FILE"),
        ("10.0.0", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_variable_follows_the_ros_distribution(
    monkeypatch: pytest.MonkeyPatch, rclpy_version: str, variable: str
) -> None:
    monkeypatch.setattr(transport, "version", lambda name: rclpy_version)
    assert transport.profile_variable() == variable


def test_the_segment_holds_a_1080p_frame_and_its_answers() -> None:
    tree = ElementTree.parse(ROOT / "config/fastdds.xml")
    segment = next(tree.iter("{http://www.eprosima.com}segment_size"))
    assert int(segment.text or 0) > 5 * 1920 * 1080
