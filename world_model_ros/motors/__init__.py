"""Arms whose motors a maker's own controller also drives: messages, and who has how much weight. No rclpy."""
