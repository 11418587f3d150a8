"""A brain over a recorded bag, and what it imagined against what happened."""
