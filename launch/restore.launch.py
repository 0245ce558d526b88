"""Starts `restore_node` behind a camera: `ros2 launch weather_perception restore.launch.py image_topic:=TOPIC`."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from weather_perception.transport import MALLOC_TUNABLES, profile_variable

ARGUMENTS = (
    ("image_topic", "/camera/image_raw", "The camera's sensor_msgs/Image topic."),
    ("model", "", "Model file (.pt2). Empty: the one in params_file, by default the installed model."),
    ("namespace", "", "Namespace of the node; its outputs are NAMESPACE/restore_node/image_restored and so on."),
    ("log_level", "info", "debug, info, warn, error or fatal."),
    (
        "transport_profile",
        "",
        "Fast DDS profile (XML). Empty: the one in the environment if there is one, else the package's fastdds.xml. "
        "The camera driver needs the same profile.",
    ),
    (
        "malloc_tunables",
        MALLOC_TUNABLES,
        "GLIBC_TUNABLES of the node: keeps image buffers instead of returning them to the system after every frame.",
    ),
)


def generate_launch_description() -> LaunchDescription:
    """The launch arguments and the node."""
    default_params = PathJoinSubstitution([FindPackageShare("weather_perception"), "config", "restore.yaml"])
    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
        + [
            DeclareLaunchArgument(
                "params_file", default_value=default_params, description="ROS parameter file (YAML)."
            ),
            OpaqueFunction(function=_start_node),
        ]
    )


def _start_node(context: LaunchContext) -> list[Node]:
    """The node; an empty argument must not override a file or the environment."""
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    environment = {"GLIBC_TUNABLES": given["malloc_tunables"]}
    if given["transport_profile"]:
        environment[profile_variable()] = given["transport_profile"]
    parameters = [LaunchConfiguration("params_file").perform(context)]
    if given["model"]:
        parameters.append({"model": given["model"]})
    return [
        Node(
            package="weather_perception",
            executable="restore_node",
            name="restore_node",
            namespace=given["namespace"],
            parameters=parameters,
            remappings=[("image", given["image_topic"])],
            ros_arguments=["--log-level", given["log_level"]],
            additional_env=environment,
            output="screen",
            emulate_tty=True,
        )
    ]
