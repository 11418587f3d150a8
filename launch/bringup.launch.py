"""Brain, gate and view for a robot whose drivers run already.

ros2 launch world_model_ros bringup.launch.py robot:=/path/to/my_robot.yaml model:=/path/to/my_model rviz:=true

A robot_state_publisher is started only where no robot description is on its topic: a controller_manager takes the first
that it hears, and ours need not have a ros2_control tag.
"""

from launch import LaunchDescription

from world_model_ros.bringup.options import BringupOptions
from world_model_ros.bringup.processes import bringup
from world_model_ros.bringup.ros_launch import description
from world_model_ros.nodes.robot.description_topic import is_described


def generate_launch_description() -> LaunchDescription:
    return description(bringup, BringupOptions, is_described)
