"""Rosbags: reads and writes them, cuts them into observations, checks them, and replays a brain over them."""
