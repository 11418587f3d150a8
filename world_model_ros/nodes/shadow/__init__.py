"""Shadow mode: the brain watches, others command."""
