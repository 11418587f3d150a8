"""Commands about one robot: its contract, check, commissioning, calibration, recording, shadow mode and bug report."""
