"""Stages, losses, calibration and scores."""
