"""Nodes that play bags onto topics and record topics into bags."""
