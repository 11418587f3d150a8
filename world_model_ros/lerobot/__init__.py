"""LeRobot data sets to bags and back."""
