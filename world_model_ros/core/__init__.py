"""Plain types and arithmetic: streams, observation, trajectory, errors; and where the package's files are."""
