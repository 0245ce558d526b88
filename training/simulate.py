"""Writes a rosbag2 (MCAP) of a procedural drive through changing weather, with its ground truth."""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from tqdm import tqdm

from training.data.degradations import WEATHERS, degrade
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive

START_NS = 1_760_000_000 * 10**9
"""Stamp of the first frame: 9 October 2025, fixed so that the same arguments always give the same bag."""

SEVERITY_RANGE = (0.35, 0.9)
STEADY_WEATHERS = ("fog",)
"""Weathers with one seed for a whole segment: banks of fog persist, drops and flakes are new in every frame."""

FRAME_ID = "camera"
OK = 0  # DiagnosticStatus.OK
BAG_VERSION: Literal[8] = 8  # the newest that ROS 2 Humble still reads
IMAGE, CAMERA_INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
TOPICS = {
    "/camera/image_raw": IMAGE,
    "/camera/camera_info": CAMERA_INFO,
    "/ground_truth/image": IMAGE,
    "/ground_truth/labels": IMAGE,
    "/ground_truth/weather": DIAGNOSTICS,
}


@dataclass(frozen=True)
class Simulation:
    """Length in seconds, frames a second, size in pixels, the drive's seed, and the weathers in order, of equal time.

    Raises ValueError for a length, rate or schedule that gives no drive.
    """

    seconds: float = 20.0
    rate: float = 10.0
    height: int = 360
    width: int = 640
    seed: int = UNSEEN_SEEDS_FROM
    schedule: tuple[str, ...] = ("clear", "fog", "rain", "snow", "clear")

    def __post_init__(self) -> None:
        if not (0.0 < self.seconds <= 3600.0 and 0.0 < self.rate <= 120.0):
            raise ValueError(
                f"simulate: {self.seconds:g} s at {self.rate:g} Hz; give 0-3600 s and 0-120 Hz, both above 0"
            )
        unknown = [weather for weather in self.schedule if weather not in WEATHERS]
        if unknown or not self.schedule:
            raise ValueError(f"simulate: schedule has {unknown or 'nothing'}; choose from {', '.join(WEATHERS)}")
        if self.frames < len(self.schedule):
            raise ValueError(
                f"simulate: {self.frames} frames are too few for {len(self.schedule)} weathers; "
                "give more seconds or a higher rate"
            )

    @property
    def frames(self) -> int:
        """The number of frames."""
        return round(self.seconds * self.rate)


@dataclass(frozen=True)
class Moment:
    """One frame's place in the schedule: its stamp, weather, severity in 0..1, and its weather's seed."""

    stamp_ns: int
    time_s: float
    weather: str
    severity: float
    weather_seed: int


def moments(simulation: Simulation) -> Iterator[Moment]:
    """The moment of each frame; within a weather's segment the severity rises to the middle and falls again."""
    low, high = SEVERITY_RANGE
    segments = len(simulation.schedule)
    for index in range(simulation.frames):
        place = (index + 0.5) * segments / simulation.frames
        segment = min(int(place), segments - 1)
        weather = simulation.schedule[segment]
        ramp = 1.0 - abs(2.0 * (place - segment) - 1.0)
        yield Moment(
            stamp_ns=START_NS + round(index * 1e9 / simulation.rate),
            time_s=index / simulation.rate,
            weather=weather,
            severity=0.0 if weather == "clear" else low + (high - low) * ramp,
            weather_seed=simulation.seed * 1_000_000 + (segment if weather in STEADY_WEATHERS else segments + index),
        )


class Messages:
    """Builds and serialises the bag's messages."""

    def __init__(self) -> None:
        self.typestore = get_typestore(Stores.ROS2_JAZZY)

    def of_frame(self, drive: Drive, sample: Sample, image_HW3: NDArray[np.uint8], moment: Moment) -> dict[str, bytes]:
        """One serialised message for each of TOPICS."""
        header = self._make("std_msgs/msg/Header", stamp=self._stamp(moment.stamp_ns), frame_id=FRAME_ID)
        messages = {
            "/camera/image_raw": self._image(header, image_HW3, "rgb8"),
            "/camera/camera_info": self._camera_info(header, drive),
            "/ground_truth/image": self._image(header, sample.image_HW3, "rgb8"),
            "/ground_truth/labels": self._image(header, sample.labels_HW, "mono8"),
            "/ground_truth/weather": self._weather(header, moment.weather),
        }
        return {
            topic: bytes(self.typestore.serialize_cdr(message, TOPICS[topic])) for topic, message in messages.items()
        }

    def _make(self, name: str, /, **fields: Any) -> Any:
        return self.typestore.types[name](**fields)

    def _stamp(self, stamp_ns: int) -> Any:
        return self._make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)

    def _image(self, header: Any, pixels: NDArray[np.uint8], encoding: str) -> Any:
        return self._make(
            IMAGE,
            header=header,
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=pixels.strides[0],
            data=pixels.reshape(-1),
        )

    def _camera_info(self, header: Any, drive: Drive) -> Any:
        focal, centre_u, centre_v = drive.intrinsics
        camera = np.array([[focal, 0.0, centre_u], [0.0, focal, centre_v], [0.0, 0.0, 1.0]])
        whole = self._make(
            "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self._make(
            CAMERA_INFO,
            header=header,
            height=drive.height,
            width=drive.width,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=camera.reshape(-1),
            r=np.eye(3).reshape(-1),
            p=np.hstack([camera, np.zeros((3, 1))]).reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=whole,
        )

    def _weather(self, header: Any, weather: str) -> Any:
        kind = "diagnostic_msgs/msg/DiagnosticStatus"
        status = self._make(kind, level=OK, name="weather", message=weather, hardware_id="", values=[])
        return self._make(DIAGNOSTICS, header=header, status=[status])


def write_bag(path: Path, simulation: Simulation) -> None:
    """Write the simulation's bag at `path`, a directory that does not exist yet (else FileExistsError)."""
    drive = Drive(simulation.seed, simulation.height, simulation.width)
    messages = Messages()
    with Writer(path, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(topic, kind, typestore=messages.typestore) for topic, kind in TOPICS.items()
        }
        for moment in tqdm(moments(simulation), total=simulation.frames, desc="drive", unit="frame"):
            sample = drive.render(moment.time_s)
            image_HW3 = degrade(sample, moment.weather, moment.severity, moment.weather_seed)
            for topic, data in messages.of_frame(drive, sample, image_HW3, moment).items():
                writer.write(connections[topic], moment.stamp_ns, data)


def simulate(out: Path, simulation: Simulation, force: bool = False) -> None:
    """Write the bag in a temporary folder beside `out`, then move it there: an interrupted run leaves no half bag.

    `force` replaces an existing bag. Raises FileExistsError if `out` exists and is no bag, or `force` is not set.
    """
    if out.exists() and not force:
        raise FileExistsError(f"{out} exists; choose another name, or replace it with --force")
    if out.exists() and not (out / "metadata.yaml").is_file():
        raise FileExistsError(f"{out} exists and is no bag, which --force never replaces; choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        # rosbag2 names the file inside a bag after the bag's directory, so that one needs its final name
        unfinished = Path(folder) / out.name
        write_bag(unfinished, simulation)
        if out.exists():
            shutil.rmtree(out)
        unfinished.rename(out)


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in pixels, from "HEIGHTxWIDTH"."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give HEIGHTxWIDTH, such as 360x640") from None
    return height, width


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: `python -m training.simulate OUT_BAG`."""
    defaults = Simulation()
    parser = argparse.ArgumentParser(prog="python -m training.simulate", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT_BAG", help="directory of the bag to write")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="length (default %(default)s)")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="frames a second (default %(default)s)")
    size = f"{defaults.height}x{defaults.width}"
    parser.add_argument("--size", type=parse_size, default=size, metavar="HEIGHTxWIDTH", help="default %(default)s")
    parser.add_argument(
        "--seed",
        type=int,
        default=defaults.seed,
        help="the drive (default %(default)s); no model trains on this seed or higher ones",
    )
    parser.add_argument(
        "--schedule",
        default=",".join(defaults.schedule),
        help=f"weathers in order, of equal time: {', '.join(WEATHERS)} (default %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace the bag if it exists")
    given = parser.parse_args(arguments)
    try:
        height, width = given.size
        schedule = tuple(given.schedule.split(","))
        simulation = Simulation(given.seconds, given.rate, height, width, given.seed, schedule)
        simulate(given.out, simulation, given.force)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
