"""MCAP files: their format, read by index or from the beginning, and written."""
