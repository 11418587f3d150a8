"""Measures how long things take: plans, ticks, replays, transport of images, and processor time of processes."""
