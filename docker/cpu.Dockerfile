# The node on a CPU, x86-64 or 64-bit Arm, with the engines torch, inductor and openvino.
#
#   docker build -f docker/cpu.Dockerfile -t weather_perception:cpu .
#   docker run --rm --net=host --shm-size=512m -v weather_cache:/cache weather_perception:cpu \
#     ros2 launch weather_perception restore.launch.py image_topic:=/camera/image_raw
#
# ROS_DISTRO is that of the robot: humble, jazzy, kilted, ... TORCH_INDEX may name PyTorch's package index of CPU builds,
# as its installation page gives it; without it, x86-64 gets the larger CUDA build, which runs on a CPU too.
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base
ARG TORCH_INDEX=

SHELL ["/bin/bash", "-c"]
WORKDIR /weather_perception
COPY . .

# A C++ compiler is what inductor builds with.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3-dev python3-venv python3-pip \
 && source /opt/ros/$ROS_DISTRO/setup.bash \
 && rosdep update && rosdep install --from-paths . --ignore-src -y \
 && rm -rf /var/lib/apt/lists/*

RUN python3 -m venv --system-site-packages /env \
 && /env/bin/pip install --no-cache-dir torch==2.13.0 ${TORCH_INDEX:+--index-url $TORCH_INDEX} \
 && /env/bin/pip install --no-cache-dir torchmetrics==1.9.0 rosbags==0.11.9 -r requirements/engines.txt

RUN source /opt/ros/$ROS_DISTRO/setup.bash && source /env/bin/activate \
 && cd ros2_ws && colcon build --base-paths ..

# Built engines outlive the container if this is a volume.
ENV XDG_CACHE_HOME=/cache
COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/bin/bash", "/entrypoint.sh"]
CMD ["ros2", "launch", "weather_perception", "restore.launch.py"]
