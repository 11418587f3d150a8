"""ROS messages to arrays and back. Messages are duck-typed: rclpy and rosbags classes both fit."""
