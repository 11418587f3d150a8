"""Processes that measure other processes."""
