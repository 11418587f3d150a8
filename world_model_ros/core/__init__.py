"""Plain types and arithmetic that all rooms use, from streams and trajectories to errors and progress bars."""
