"""Closed-loop tasks and prediction quality."""
