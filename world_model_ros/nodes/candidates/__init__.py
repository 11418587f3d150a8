"""Candidates from outside, judged in spare time."""
