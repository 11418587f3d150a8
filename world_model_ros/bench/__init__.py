"""Measurements of speed and of safety, each repeatable from a seed."""
