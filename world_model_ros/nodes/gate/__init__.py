"""The command gate's node and its parts."""
