"""Brain, gate and view for a robot whose drivers run already.

ros2 launch world_model_ros bringup.launch.py robot:=/path/to/my_robot.yaml model:=/path/to/my_model rviz:=true
"""

from launch import LaunchDescription

from world_model_ros.bringup.arguments import BRINGUP
from world_model_ros.bringup.processes import bringup
from world_model_ros.bringup.ros_launch import description


def generate_launch_description() -> LaunchDescription:
    return description(bringup, BRINGUP)
