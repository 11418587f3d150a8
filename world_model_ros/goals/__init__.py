"""Turns a goal into what the planner aims at in this tick, for each target and hand."""
