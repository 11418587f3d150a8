"""The simulated arm with brain, gate and view.

ros2 launch world_model_ros sim.launch.py rviz:=true
"""

from launch import LaunchDescription

from world_model_ros.bringup.options import SimulationOptions
from world_model_ros.bringup.processes import simulation
from world_model_ros.bringup.ros_launch import description


def generate_launch_description() -> LaunchDescription:
    return description(simulation, SimulationOptions)
