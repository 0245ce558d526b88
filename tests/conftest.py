"""Gives this run a DDS domain of its own, so that neither a robot nor another run on this machine is heard."""

import os

# Read when rclpy starts, by this process and by the nodes it starts.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
