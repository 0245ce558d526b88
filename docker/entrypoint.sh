# Runs a command with ROS 2, PyTorch and this package in reach.
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /env/bin/activate
source /weather_perception/ros2_ws/install/setup.bash
exec "$@"
