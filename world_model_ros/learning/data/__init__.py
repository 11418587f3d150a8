"""Bags -> an aligned cache -> batches."""
