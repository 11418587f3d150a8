"""ROS messages -> arrays, one module a kind of sense."""
