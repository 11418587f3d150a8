"""Replays a bag through a brain: compares what it imagines with what happened, and writes a report and a bag."""
