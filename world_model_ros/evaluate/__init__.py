"""Evaluates brains: tasks in closed loop, public benchmarks, predictions, and imaginations that a person steers."""
