"""Starts `restore_node` behind cameras: `ros2 launch weather_perception restore.launch.py image_topic:=TOPIC`."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from weather_perception.core.engines.base import ENGINES, MEANWHILE, PRECISIONS
from weather_perception.transport import MALLOC_TUNABLES, profile_variable

# A loaded machine needs longer for a clean end than launch's own 5 s.
SECONDS_TO_END = "20"
YES_OR_NO = ("true", "false")
OF_PARAMS_FILE = "Empty: as params_file says."

# Name, default, description, and choices if there are any; an empty one leaves the value to params_file.
ARGUMENTS = (
    ("image_topic", "/camera/image_raw", "Image topic of a single camera, raw or compressed.", ()),
    ("cameras", "", "Names of several cameras, as in front,left,rear; one node serves them all.", ()),
    (
        "image_topics",
        "",
        "Their image topics, in the same order and separated by commas. Empty: /NAME/image_raw of each.",
        (),
    ),
    ("namespace", "", "Namespace of the node; its outputs are NAMESPACE/restore_node/image_restored and so on.", ()),
    ("node_name", "restore_node", "Name of the node.", ()),
    ("model", "", f"Model file (.pt2). {OF_PARAMS_FILE} There, empty is the installed model.", ()),
    ("engine", "", f"The engine that runs the model. {OF_PARAMS_FILE}", ("", *ENGINES)),
    ("device", "", f"The engine's device: cpu, cuda, cuda:1, ... {OF_PARAMS_FILE}", ()),
    ("precision", "", f"Precision of a new engine. {OF_PARAMS_FILE}", ("", *PRECISIONS)),
    ("build", "", f"Whether a missing engine is built in the background. {OF_PARAMS_FILE}", ("", *YES_OR_NO)),
    ("meanwhile", "", f"The answer until an engine is ready. {OF_PARAMS_FILE}", ("", *MEANWHILE)),
    ("autostart", "", f"Whether the node configures and activates itself. {OF_PARAMS_FILE}", ("", *YES_OR_NO)),
    ("use_sim_time", "", f"Whether time comes from /clock, as from a bag. {OF_PARAMS_FILE}", ("", *YES_OR_NO)),
    ("log_level", "info", "The least severe messages to log.", ("debug", "info", "warn", "error", "fatal")),
    (
        "transport_profile",
        "",
        "Fast DDS profile (XML). Empty: the one in the environment if there is one, else the package's fastdds.xml. "
        "The camera driver needs the same profile.",
        (),
    ),
    (
        "malloc_tunables",
        MALLOC_TUNABLES,
        "GLIBC_TUNABLES of the node: keeps image buffers instead of returning them to the system after every frame.",
        (),
    ),
)
PARAMETERS = ("model", "engine", "device", "precision", "meanwhile")
SWITCHES = ("build", "autostart", "use_sim_time")


def generate_launch_description() -> LaunchDescription:
    """The launch arguments and the node."""
    default_params = PathJoinSubstitution([FindPackageShare("weather_perception"), "config", "restore.yaml"])
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=text, choices=list(choices) or None)
        for name, value, text, choices in ARGUMENTS
    ]
    params = DeclareLaunchArgument(
        "params_file", default_value=default_params, description="ROS parameter file (YAML), which must exist."
    )
    return LaunchDescription([*declared, params, OpaqueFunction(function=_start_node)])


def _start_node(context: LaunchContext) -> list[Node]:
    """The node; an empty argument must not override a file or the environment."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    params_file = _existing("params_file", LaunchConfiguration("params_file").perform(context))
    environment = {"GLIBC_TUNABLES": given["malloc_tunables"]}
    if given["transport_profile"]:
        environment[profile_variable()] = _existing("transport_profile", given["transport_profile"])
    cameras = _split(given["cameras"])
    values: dict[str, object] = {name: given[name] for name in PARAMETERS if given[name]}
    values |= {name: given[name] == "true" for name in SWITCHES if given[name]}
    values |= {"cameras": cameras} if cameras else {}
    return [
        Node(
            package="weather_perception",
            executable="restore_node",
            name=given["node_name"],
            namespace=given["namespace"],
            parameters=[params_file, values],
            remappings=_remappings(cameras, given["image_topic"], _split(given["image_topics"])),
            ros_arguments=["--log-level", given["log_level"]],
            additional_env=environment,
            output="screen",
            emulate_tty=True,
            sigterm_timeout=SECONDS_TO_END,
        )
    ]


def _remappings(cameras: list[str], image_topic: str, image_topics: list[str]) -> list[tuple[str, str]]:
    """From the node's topics to the cameras'."""
    if not cameras:
        if image_topics:
            raise RuntimeError("image_topics: name the cameras too, as in cameras:=front,left")
        return [("image", image_topic)]
    topics = image_topics or [f"/{name}/image_raw" for name in cameras]
    if len(topics) != len(cameras):
        raise RuntimeError(f"image_topics: {len(topics)} topics for {len(cameras)} cameras; give one for each")
    return [(f"{name}/image", topic) for name, topic in zip(cameras, topics, strict=True)]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _existing(argument: str, path: str) -> str:
    if not Path(path).expanduser().is_file():
        raise RuntimeError(f"{argument}: there is no file {path}")
    return str(Path(path).expanduser())
