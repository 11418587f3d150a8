"""ROS nodes (rclpy), by process: each turns parameters into one core object, and messages into calls of it."""
