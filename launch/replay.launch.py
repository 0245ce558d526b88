"""Judges a recorded drive: `ros2 launch weather_perception replay.launch.py bag:=BAG out:=DIR`."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration

YES_OR_NO = ["true", "false"]
ARGUMENTS = (
    ("bag", None, "A bag, a video, or a folder of pictures.", None),
    ("out", None, "Folder for the output bag, metrics.json and report.html.", None),
    ("topic", "", "Image topic; needed only if the bag has several.", None),
    ("model", "", "Model file (.pt2). Empty: the installed model.", None),
    ("live", "true", "Through restore_node over DDS, at the recorded speed; false: as fast as possible.", YES_OR_NO),
    ("rate", "1.0", "Times the recorded speed, in live mode.", None),
)


def generate_launch_description() -> LaunchDescription:
    """The launch arguments and the `replay` command, which starts the node itself."""
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=text, choices=choices)
        for name, value, text, choices in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start_replay)])


def _start_replay(context: LaunchContext) -> list[ExecuteProcess]:
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    command = ["ros2", "run", "weather_perception", "replay", given["bag"], "--out", given["out"]]
    for name in ("topic", "model"):
        command += [f"--{name}", given[name]] if given[name] else []
    command += ["--live", "--rate", given["rate"]] if given["live"] == "true" else []
    return [ExecuteProcess(cmd=command, output="screen", emulate_tty=True)]
