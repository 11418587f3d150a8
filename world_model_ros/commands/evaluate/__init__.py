"""``world-model evaluate``: goals, predictions, and public benchmarks."""
