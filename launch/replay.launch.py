"""Judges a recorded drive: `ros2 launch weather_perception replay.launch.py bag:=BAG out:=DIR`."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration

ARGUMENTS = (
    ("bag", None, "A bag, a video, or a folder of pictures."),
    ("out", None, "Folder for the output bag, metrics.json and report.html."),
    ("topic", "", "Image topic; needed only if the bag has several."),
    ("model", "", "Model file (.pt2). Empty: the installed model."),
    ("live", "true", "true: through restore_node over DDS, at the recorded speed. false: as fast as the machine goes."),
    ("rate", "1.0", "Times the recorded speed, in live mode."),
)


def generate_launch_description() -> LaunchDescription:
    """The launch arguments and the `replay` command, which starts the node itself."""
    declared = [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
    return LaunchDescription([*declared, OpaqueFunction(function=_start_replay)])


def _start_replay(context: LaunchContext) -> list[ExecuteProcess]:
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    command = [
        "ros2",
        "run",
        "weather_perception",
        "replay",
        given["bag"],
        "--out",
        given["out"],
    ]
    for name in ("topic", "model"):
        command += [f"--{name}", given[name]] if given[name] else []
    command += ["--live", "--rate", given["rate"]] if given["live"].lower() in ("true", "1") else []
    return [ExecuteProcess(cmd=command, output="screen", emulate_tty=True)]
