"""rclpy shells: parameters in, one core object, messages out."""
