"""The future view's node and its parts."""
