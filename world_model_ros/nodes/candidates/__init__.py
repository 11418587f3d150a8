"""Candidates (motions that other programs propose) on topics, judged in time that ticks leave over."""
