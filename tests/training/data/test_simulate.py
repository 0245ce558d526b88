"""The simulated drive's bag, read back as a ROS user would."""

import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.simulate import TOPICS, Simulation, main, simulate

SIMULATION = Simulation(seconds=3.0, rate=4.0, height=72, width=96, schedule=("clear", "fog", "snow"))


def read(path):
    """Every message of a bag: {topic: [(bag time in ns, message), ...]}."""
    messages = {topic: [] for topic in TOPICS}
    with AnyReader([path]) as reader:
        for connection, time_ns, data in reader.messages():
            messages[connection.topic].append((time_ns, reader.deserialize(data, connection.msgtype)))
    return messages


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulate") / "drive"
    simulate(path, SIMULATION)
    return path


@pytest.fixture(scope="module")
def messages(bag):
    return read(bag)


def pixels(message, channels):
    return message.data.reshape(message.height, message.width, channels)


def test_default_seed_is_never_trained_on():
    assert Simulation().seed >= UNSEEN_SEEDS_FROM


def test_every_topic_has_every_frame_with_one_stamp(messages):
    times = [time_ns for time_ns, _ in messages["/camera/image_raw"]]
    assert len(times) == 12
    assert np.all(np.diff(times) == 250_000_000)
    for found in messages.values():
        assert [time_ns for time_ns, _ in found] == times
        stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for _, message in found]
        assert stamps == times
        assert {message.header.frame_id for _, message in found} == {"camera"}


def test_weather_follows_the_schedule(messages):
    statuses = [message.status for _, message in messages["/ground_truth/weather"]]
    assert [[status.message for status in frame] for frame in statuses] == (
        [["clear"]] * 4 + [["fog"]] * 4 + [["snow"]] * 4
    )
    assert {(status.name, status.level, len(status.values)) for frame in statuses for status in frame} == {
        ("weather", 0, 0)
    }


def test_only_bad_weather_changes_the_image(messages):
    raws, truths = messages["/camera/image_raw"], messages["/ground_truth/image"]
    change = [
        np.abs(pixels(raw, 3).astype(int) - pixels(truth, 3)).mean()
        for (_, raw), (_, truth) in zip(raws, truths, strict=True)
    ]
    assert change[:4] == [0.0] * 4
    assert min(change[4:]) > 3.0
    assert min(change[5:7]) > max(change[4], change[7]), "fog is densest in the middle of its time"


def test_ground_truth_is_the_drive(messages):
    drive = Drive(SIMULATION.seed, SIMULATION.height, SIMULATION.width)
    sample = drive.render(5 / SIMULATION.rate)
    image, labels = (messages[f"/ground_truth/{kind}"][5][1] for kind in ("image", "labels"))
    assert (image.encoding, labels.encoding) == ("rgb8", "mono8")
    assert (image.step, labels.step) == (3 * 96, 96)
    np.testing.assert_array_equal(pixels(image, 3), sample.image_HW3)
    np.testing.assert_array_equal(pixels(labels, 1)[..., 0], sample.labels_HW)
    camera = messages["/camera/camera_info"][5][1]
    focal, centre_u, centre_v = drive.intrinsics
    assert (camera.height, camera.width) == (72, 96)
    np.testing.assert_allclose(camera.k.reshape(3, 3), [[focal, 0, centre_u], [0, focal, centre_v], [0, 0, 1]])


def test_same_arguments_give_the_same_messages(tmp_path, messages):
    simulate(tmp_path / "again", SIMULATION)
    again = read(tmp_path / "again")["/camera/image_raw"]
    for (_, first), (_, second) in zip(messages["/camera/image_raw"], again, strict=True):
        np.testing.assert_array_equal(first.data, second.data)


def test_an_existing_bag_is_replaced_only_by_force(tmp_path):
    out = tmp_path / "bag"
    short = ["--seconds", "1", "--rate", "2", "--size", "64x80", "--schedule"]
    main([str(out), *short, "rain,clear"])
    with pytest.raises(SystemExit):
        main([str(out), *short, "fog,clear"])
    assert read(out)["/ground_truth/weather"][0][1].status[0].message == "rain"
    main([str(out), *short, "fog,clear", "--force"])
    assert read(out)["/ground_truth/weather"][0][1].status[0].message == "fog"
    assert [path.name for path in tmp_path.iterdir()] == ["bag"], "nothing temporary is left"


def test_force_never_replaces_a_folder_that_is_no_bag(tmp_path):
    keep = tmp_path / "holiday" / "photo.txt"
    keep.parent.mkdir()
    keep.write_text("mine")
    with pytest.raises(FileExistsError, match="no bag"):
        simulate(keep.parent, SIMULATION, force=True)
    assert keep.read_text() == "mine"


def test_a_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="64x64"):
        simulate(tmp_path / "bag", Simulation(height=8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seconds": 0.0}, "seconds|0-3600"),
        ({"rate": float("nan")}, "0-120"),
        ({"schedule": ("clear", "hail")}, "hail"),
        ({"schedule": ()}, "nothing"),
        ({"seconds": 0.2}, "too few"),
    ],
)
def test_impossible_simulations_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        Simulation(**changes)
