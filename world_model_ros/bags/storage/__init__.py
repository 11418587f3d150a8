"""Files of rosbags: read, written, found."""
