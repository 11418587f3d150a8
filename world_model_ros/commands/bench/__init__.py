"""``world-model bench``, and a module for each thing that it measures."""
