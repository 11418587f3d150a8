"""Futures in space as plain data."""
