"""Read, write and replay rosbags."""
