"""Bag player and recorder."""
