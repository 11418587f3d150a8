"""Conditions under which the gate may move: armed, by whom, with a driver that is ready, and without alarms."""
