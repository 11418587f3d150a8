"""Training of the world model: its stages, losses, calibration and scores."""
