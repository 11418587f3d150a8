"""``world-model demo``: one run, or many of different seeds."""
