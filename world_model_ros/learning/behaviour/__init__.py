"""Chunk models: imagine chunks (a few actions each) of learned behaviour, and plan the one nearest to the goal."""
