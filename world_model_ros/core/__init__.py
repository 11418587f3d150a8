"""Plain types and arithmetic: streams, observation, chunk, limits, errors. NumPy and stdlib only."""
