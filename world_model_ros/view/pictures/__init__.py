"""Futures as pictures."""
