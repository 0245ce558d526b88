#!/usr/bin/env bash
# Builds a small ROS 2 installation with `ros2 launch`, `run`, `lifecycle`, `param` and `node` around this checkout.
#
#   tests/ros2_installation/install.sh SOURCES PREFIX
#   source PREFIX/setup.bash && python -m pytest tests/ros/test_launch.py
#
# SOURCES holds checkouts of ros2/launch, launch_ros, ros2cli and rosidl_runtime_py (tried: 3.7.1, 0.28.0, 0.36.1,
# 0.14.0), which are not on any package index. PREFIX becomes a virtual environment beside that of the `python3` in the
# shell, whose ROS 2 wheels it uses: run it with .venv active.
set -euo pipefail
if [ $# -ne 2 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
fi
checkout=$(cd "$(dirname "$0")/../.." && pwd)
sources=$(cd "$1" && pwd)
for repository in launch launch_ros ros2cli rosidl_runtime_py; do
  test -d "$sources/$repository" || { echo "install.sh: $sources/$repository: no such checkout"; exit 1; }
done

# The wheels find their libraries by starting Python again with this, in their own environment alone.
libraries=$(python3 -c 'import os; print(os.environ.get("LD_LIBRARY_PATH", ""))')
outer=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python3 -m venv "$2"
prefix=$(cd "$2" && pwd)
python=$prefix/bin/python
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$outer')" > "$site/outer.pth"

"$python" -m pip install --quiet 'setuptools>=77,<80' osrf_pycommon argcomplete importlib_metadata
pip_install() { "$python" -m pip install --quiet --no-deps --no-build-isolation "$@"; }
for package in launch/launch launch/launch_xml launch/launch_yaml launch_ros/launch_ros launch_ros/ros2launch \
    ros2cli/ros2cli ros2cli/ros2pkg ros2cli/ros2run ros2cli/ros2node ros2cli/ros2param ros2cli/ros2lifecycle \
    ros2cli/ros2service ros2cli/ros2topic rosidl_runtime_py; do
  pip_install "$sources/$package"
done
# launch_ros imports these messages for components, which this package has none of.
mkdir -p "$site/composition_interfaces/srv"
touch "$site/composition_interfaces/__init__.py"
printf 'class LoadNode:\n    class Request: ...\n    class Response: ...\n' > "$site/composition_interfaces/srv/__init__.py"

# A copy: pip leaves its build folders behind.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git -C "$checkout" ls-files -z | (cd "$checkout" && tar --null -T - -c) | tar -x -C "$copy"
pip_install "$copy"
mkdir -p "$prefix/lib/weather_perception"
for program in restore_node replay build_engine; do
  ln -sf "$prefix/bin/$program" "$prefix/lib/weather_perception/$program"
done
cat > "$prefix/setup.bash" <<END
source "$prefix/bin/activate"
export LD_LIBRARY_PATH="$libraries" AMENT_PREFIX_PATH="$prefix" ROS_DISTRO=kilted RMW_IMPLEMENTATION=rmw_fastrtps_cpp
END
echo "source $prefix/setup.bash"
