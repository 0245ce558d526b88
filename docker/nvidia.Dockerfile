# The node on an NVIDIA GPU: x86-64, or Jetson with JetPack 7 (build it there). Adds the engine tensorrt.
#
#   docker build -f docker/nvidia.Dockerfile -t weather_perception:nvidia .
#   docker run --rm --gpus all --net=host --shm-size=512m -v weather_cache:/cache weather_perception:nvidia \
#     ros2 launch weather_perception restore.launch.py image_topic:=/camera/image_raw
#
# On Jetson `--runtime nvidia` in place of `--gpus all`. The driver is the host's; CUDA and TensorRT come with the
# packages below. TORCH_INDEX may name PyTorch's package index for the CUDA version that the driver supports.
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base
ARG TORCH_INDEX=

SHELL ["/bin/bash", "-c"]
WORKDIR /weather_perception
COPY . .

RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3-dev python3-venv python3-pip \
 && source /opt/ros/$ROS_DISTRO/setup.bash \
 && rosdep update && rosdep install --from-paths . --ignore-src -y \
 && rm -rf /var/lib/apt/lists/*

RUN python3 -m venv --system-site-packages /env \
 && /env/bin/pip install --no-cache-dir torch==2.13.0 torch-tensorrt==2.13.0 ${TORCH_INDEX:+--extra-index-url $TORCH_INDEX} \
 && /env/bin/pip install --no-cache-dir torchmetrics==1.9.0 rosbags==0.11.9

RUN source /opt/ros/$ROS_DISTRO/setup.bash && source /env/bin/activate \
 && cd ros2_ws && colcon build --base-paths ..

ENV XDG_CACHE_HOME=/cache NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/bin/bash", "/entrypoint.sh"]
CMD ["ros2", "launch", "weather_perception", "restore.launch.py"]
