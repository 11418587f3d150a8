"""Checks by small, slow motions through the gate whether a robot does what its contract says; no ROS in here."""
