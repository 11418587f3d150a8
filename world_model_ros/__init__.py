"""A world-model brain for ROS 2 robots: sees, hears, feels, imagines, plans, behind a gate."""

__version__ = "0.1.0"
