"""Public benchmarks, pursued by the same session as a robot."""
