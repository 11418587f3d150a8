"""What is installed, and where: modules, ROS 2, and the package's own files."""
